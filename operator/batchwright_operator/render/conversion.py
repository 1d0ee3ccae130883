"""From a configuration document, such as OVMS's, to a ModelServer; what it cannot say is listed."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.batching import (
    POSSIBLE_CANDIDATES,
    SERVER_STRATEGIES,
    BatchingStrategy,
)
from batchwright_operator.resources.modelserver import API_VERSION, KIND, ModelServer
from batchwright_server.config.batching import Batching, Calibration, Coalesce
from batchwright_server.config.document import Document, ModelConfig
from batchwright_server.config.plan import DEFAULT_STREAMS
from batchwright_server.config.problems import Problem, problems_of
from batchwright_server.config.version_policy import AllVersions, LatestVersions, SpecificVersions

OFFERED = {strategy: name for name, strategy in SERVER_STRATEGIES.items()}


@dataclass(frozen=True)
class Placing:
    """Each claim's directory as the document has it, and where relative paths begin."""

    volumes: Mapping[str, str]
    root: str = "/"


@dataclass(frozen=True)
class Converted:
    """The manifest, None if it would not be valid, and all that it does not say."""

    manifest: Manifest | None
    losses: tuple[Problem, ...]


def render_model_server(document: Document, name: str, placing: Placing) -> Converted:
    """A ModelServer that serves what `document` says."""
    models: list[Manifest] = []
    losses: list[Problem] = []
    for index, config in enumerate(document.models):
        path = f"model_config_list[{index}].config"
        losses += [Problem(f"{path}.{loss.path}", loss.message) for loss in _losses(config)]
        source = _source(config.base_path, placing)
        if source is None:
            message = (
                f"{config.base_path!r} is on none of the volumes; say where with --claim CLAIM=DIRECTORY"
            )
            losses.append(Problem(f"{path}.base_path", message))
        else:
            models.append(_model(config, source))
    raw = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {"models": models},
    }
    return _checked(raw, losses)


def _checked(raw: Manifest, losses: list[Problem]) -> Converted:
    try:
        server = ModelServer.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        return Converted(None, (*losses, *problems_of(error)))
    plain = server.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return Converted({"apiVersion": API_VERSION, "kind": KIND, **plain}, tuple(losses))


def _losses(config: ModelConfig) -> Iterator[Problem]:
    if config.allow_cache:
        yield Problem("allow_cache", "pods keep no compiled models on disk")
    for key in ("mean", "scale", "color_format", "precision"):
        if getattr(config, key) is not None:
            yield Problem(key, "a manifest cannot say it; make it part of the model, or keep the file")
    yield from _batching_losses(config.effective_batching)


def _batching_losses(batching: Batching) -> Iterator[Problem]:
    if batching.streams not in (None, DEFAULT_STREAMS[batching.strategy]):
        yield Problem("batching.streams", "each strategy takes its own number of streams")
    if batching.calibration != Calibration():
        yield Problem("batching.calibration", "every pod calibrates, with the operator's own limits")
    if batching.reload.queue.max_wait_seconds % 1:
        yield Problem("batching.reload.queue.max_wait_seconds", "is rounded up to whole seconds")
    delay = batching.coalesce.max_delay_seconds if batching.coalesce else 0.0
    if round(delay * 1e6) / 1e6 != delay:
        path = "batching.coalesce.max_delay_seconds"
        yield Problem(path, "is rounded to whole microseconds")
    if len(batching.plans) > 1 and not _is_adaptive(batching):
        names = ", ".join(item.value for item in batching.candidates)
        possible = ", ".join(POSSIBLE_CANDIDATES)
        yield Problem("batching.candidates", f"{names}: the policy chooses among {possible}")


def _source(base_path: str, placing: Placing) -> Manifest | None:
    path = posixpath.normpath(posixpath.join(placing.root, base_path))
    # The longest directory first: a volume may be mounted inside another.
    for claim, directory in sorted(placing.volumes.items(), key=lambda item: -len(item[1])):
        inside = posixpath.relpath(path, directory)
        if inside == ".":
            return {"pvc": {"claimName": claim}}
        if not inside.startswith(".."):
            return {"pvc": {"claimName": claim, "path": inside}}
    return None


def _model(config: ModelConfig, source: Manifest) -> Manifest:
    model: Manifest = {
        "name": config.name,
        "source": source,
        "batching": _batching(config.effective_batching),
        "device": config.target_device,
        "pluginConfig": {key: _plain(value) for key, value in config.properties.items()},
        "versionPolicy": _version_policy(config),
        "shape": _text(config.shape),
        "layout": _text(config.layout),
        "inferRequests": config.nireq or None,
    }
    return {key: value for key, value in model.items() if value is not None}


def _plain(value: str | bool | float) -> str | int:
    # A resource has texts and integers here; OpenVINO reads the others from texts as well.
    if isinstance(value, bool):
        return "YES" if value else "NO"
    return str(value) if isinstance(value, float) else value


def _text(value: str | dict[str, str] | None) -> str | None:
    return json.dumps(value) if isinstance(value, dict) else value


def _version_policy(config: ModelConfig) -> Manifest:
    match config.version_policy:
        case LatestVersions(num_versions=count):
            return {"latest": {"count": count}}
        case SpecificVersions(versions=versions):
            return {"specific": {"versions": list(versions)}}
        case AllVersions():
            return {"all": {}}


def _batching(batching: Batching) -> Manifest:
    queue = batching.reload.queue
    blocks: dict[str, Any] = {
        "strategy": OFFERED[batching.strategy].value,
        "maxBatchSize": batching.max_batch_size,
        "reload": {
            "onMiss": batching.reload.on_miss.value.capitalize(),
            "queue": {
                "maxRequests": queue.max_requests,
                "maxWaitSeconds": -int(-queue.max_wait_seconds // 1),
                "maxBytes": queue.max_bytes,
            },
            "compiledCache": _compiled_cache(batching),
        },
        "fixed": {"batchSize": batching.fixed.batch_size},
        "dynamic": {"min": batching.dynamic.min, "max": batching.dynamic.max},
        "buckets": {"sizes": list(batching.buckets.sizes)},
        "coalesce": _coalesce(batching.coalesce),
    }
    if _is_adaptive(batching):
        # A server alone measures candidates and never switches: so does the policy that only observes.
        blocks["strategy"] = BatchingStrategy.ADAPTIVE.value
        candidates = [OFFERED[plan.strategy].value for plan in batching.plans]
        blocks["adaptive"] = {"mode": "Observe", "candidates": candidates}
    return blocks


def _coalesce(asked: Coalesce | None) -> Manifest | None:
    if asked is None:
        return None
    delay = round(asked.max_delay_seconds * 1e6)
    return {"maxBatchSize": asked.max_batch_size, "maxDelayMicroseconds": delay}


def _compiled_cache(batching: Batching) -> Manifest:
    cache = batching.reload.compiled_cache
    return {"maxEntries": cache.max_entries, "maxBytes": cache.max_bytes}


def _is_adaptive(batching: Batching) -> bool:
    offered = [OFFERED[strategy] for strategy in (batching.strategy, *batching.candidates)]
    return len(batching.plans) > 1 and set(offered) <= set(POSSIBLE_CANDIDATES)
