"""OpenVINO's properties of earlier releases in today's names.

Source: OpenVINO's guide to the 2022 API and its property reference. What has no counterpart is left out,
with the reason; a key that is not in the table goes to OpenVINO as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PropertyValue = str | bool | int | float

_PREFIX = "KEY_"  # of the names in the C++ headers, which some configurations carry
_TRUE = {"YES", "TRUE", "1", "NUMA", "HYBRID_AWARE", "CORE"}


@dataclass(frozen=True)
class Renamed:
    """A key with a counterpart of the name `to`."""

    to: str
    convert: Callable[[PropertyValue], PropertyValue]


@dataclass(frozen=True)
class Dropped:
    """A key that does nothing any more."""

    reason: str


@dataclass(frozen=True)
class Translation:
    """Properties as OpenVINO takes them today, and a sentence for each key that changed."""

    properties: dict[str, PropertyValue]
    warnings: tuple[str, ...]


def _same(value: PropertyValue) -> PropertyValue:
    return value


def _streams(value: PropertyValue) -> PropertyValue:
    named = {"CPU_THROUGHPUT_AUTO": "AUTO", "GPU_THROUGHPUT_AUTO": "AUTO", "CPU_THROUGHPUT_NUMA": "NUMA"}
    return named.get(str(value).upper(), value)


def _flag(value: PropertyValue) -> PropertyValue:
    return str(value).upper() in _TRUE


def _precision(value: PropertyValue) -> PropertyValue:
    return "bf16" if _flag(value) else "f32"


_DYNAMIC_BATCH = Dropped("models take varying batch sizes by batch_size '-1', 'auto' or batching")
_DUMPS = Dropped("the GPU plugin has no such dumps any more")
_GONE_DEVICE = Dropped("OpenVINO has no such device any more")
_INTERNAL = Dropped("the GPU plugin decides this by itself")

TABLE: Mapping[str, Renamed | Dropped] = {
    "CPU_THROUGHPUT_STREAMS": Renamed("NUM_STREAMS", _streams),
    "GPU_THROUGHPUT_STREAMS": Renamed("NUM_STREAMS", _streams),
    "CLDNN_THROUGHPUT_STREAMS": Renamed("NUM_STREAMS", _streams),
    "CPU_THREADS_NUM": Renamed("INFERENCE_NUM_THREADS", _same),
    "CPU_BIND_THREAD": Renamed("ENABLE_CPU_PINNING", _flag),
    "AFFINITY": Renamed("ENABLE_CPU_PINNING", _flag),
    "ENFORCE_BF16": Renamed("INFERENCE_PRECISION_HINT", _precision),
    "GPU_PLUGIN_PRIORITY": Renamed("GPU_QUEUE_PRIORITY", _same),
    "CLDNN_PLUGIN_PRIORITY": Renamed("GPU_QUEUE_PRIORITY", _same),
    "GPU_PLUGIN_THROTTLE": Renamed("GPU_QUEUE_THROTTLE", _same),
    "CLDNN_PLUGIN_THROTTLE": Renamed("GPU_QUEUE_THROTTLE", _same),
    "GPU_MAX_NUM_THREADS": Renamed("COMPILATION_NUM_THREADS", _same),
    "CLDNN_MAX_NUM_THREADS": Renamed("COMPILATION_NUM_THREADS", _same),
    "CLDNN_CACHE_DIR": Renamed("CACHE_DIR", _same),
    "DYN_BATCH_ENABLED": _DYNAMIC_BATCH,
    "DYN_BATCH_LIMIT": _DYNAMIC_BATCH,
    "CLDNN_GRAPH_DUMPS_DIR": _DUMPS,
    "CLDNN_SOURCES_DUMPS_DIR": _DUMPS,
    "DUMP_KERNELS": _DUMPS,
    "CLDNN_MEM_POOL": _INTERNAL,
    "CLDNN_NV12_TWO_INPUTS": _INTERNAL,
    "GPU_NV12_TWO_INPUTS": _INTERNAL,
    "CLDNN_ENABLE_FP16_FOR_QUANTIZED_MODELS": _INTERNAL,
    "TUNING_MODE": _INTERNAL,
    "TUNING_FILE": _INTERNAL,
}

_GONE_PREFIXES = ("VPU_", "MYRIAD_", "GNA_", "HDDL_")


def translate(given: Mapping[str, PropertyValue]) -> Translation:
    """`given` in today's names; where both names of a property are given, today's stands."""
    properties: dict[str, PropertyValue] = {}
    warnings = []
    for key, value in given.items():
        name = key.removeprefix(_PREFIX)
        rule = _rule(name)
        if rule is None:
            properties[name] = value
            if name != key:
                warnings.append(f"{key} is called {name} today")
        elif isinstance(rule, Dropped):
            warnings.append(f"{key} is left out: {rule.reason}")
        elif rule.to in given:
            warnings.append(f"{key} is left out: {rule.to} is given too")
        else:
            properties[rule.to] = rule.convert(value)
            warnings.append(f"{key} is called {rule.to} today; {properties[rule.to]} is used")
    return Translation(properties, tuple(warnings))


def _rule(name: str) -> Renamed | Dropped | None:
    if name.startswith(_GONE_PREFIXES):
        return _GONE_DEVICE
    return TABLE.get(name)
