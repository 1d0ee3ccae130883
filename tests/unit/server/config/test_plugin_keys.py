import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plugin_keys import TABLE, Dropped, PropertyValue, translate


@pytest.mark.parametrize(
    ("given_key", "value", "expected"),
    [
        ("CPU_THROUGHPUT_STREAMS", "4", {"NUM_STREAMS": "4"}),
        ("CPU_THROUGHPUT_STREAMS", "CPU_THROUGHPUT_AUTO", {"NUM_STREAMS": "AUTO"}),
        ("KEY_CPU_THREADS_NUM", 2, {"INFERENCE_NUM_THREADS": 2}),
        ("CPU_BIND_THREAD", "NO", {"ENABLE_CPU_PINNING": False}),
        ("CPU_BIND_THREAD", "NUMA", {"ENABLE_CPU_PINNING": True}),
        ("AFFINITY", "NONE", {"ENABLE_CPU_PINNING": False}),
        ("ENFORCE_BF16", "YES", {"INFERENCE_PRECISION_HINT": "bf16"}),
        ("DYN_BATCH_ENABLED", "YES", {}),
        ("CLDNN_PLUGIN_PRIORITY", "1", {"GPU_QUEUE_PRIORITY": "1"}),
        ("VPU_HW_STAGES_OPTIMIZATION", "YES", {}),
        ("KEY_NUM_STREAMS", "2", {"NUM_STREAMS": "2"}),
    ],
)
def test_a_key_of_an_earlier_release_is_translated_with_a_warning(
    given_key: str, value: PropertyValue, expected: dict[str, PropertyValue]
) -> None:
    """Today's name and value, and a sentence that names the key."""
    translation = translate({given_key: value})

    assert translation.properties == expected
    assert len(translation.warnings) == 1
    assert given_key in translation.warnings[0]


def test_todays_name_stands_where_both_are_given() -> None:
    """The newer key is the one somebody wrote on purpose."""
    translation = translate({"CPU_THROUGHPUT_STREAMS": "8", "NUM_STREAMS": "2"})

    assert translation.properties == {"NUM_STREAMS": "2"}
    assert "NUM_STREAMS is given too" in translation.warnings[0]


@given(
    properties=st.dictionaries(
        st.text("ABC_", min_size=1).filter(lambda key: not key.startswith("KEY_")),
        st.text() | st.booleans() | st.integers(),
    )
)
def test_other_keys_pass_unchanged(properties: dict[str, PropertyValue]) -> None:
    """What OpenVINO knows today is its own affair."""
    assert translate(properties).properties == properties
    assert translate(properties).warnings == ()


def test_no_counterpart_is_itself_of_an_earlier_release() -> None:
    """One step leads to today."""
    names = [rule.to for rule in TABLE.values() if not isinstance(rule, Dropped)]

    assert not set(names) & TABLE.keys()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{x",
        "{CPU:",
        "{CPU:{}}",
        "{CPU:{NUM_STREAMS}}",
        "{CPU:{NUM_STREAMS:1}",
        "{CPU:{NUM_STREAMS:1},}",
        "{CPU:{NUM_STREAMS:1}}x",
        "{ :{NUM_STREAMS:1}}",
        "{CPU:{A:{B:1}}}",
        "{" * 5000,
        "{CPU:{A:1}," * 5000,
    ],
)
def test_device_properties_that_openvino_would_hang_on_are_refused(text: str) -> None:
    """With the key, and what was expected; in no time."""
    with pytest.raises(ValueError, match=r"DEVICE_PROPERTIES: expected a text such as \{CPU:"):
        ModelConfig(name="m", base_path="/m", plugin_config={"DEVICE_PROPERTIES": text})


@pytest.mark.parametrize(
    "text",
    [
        "{CPU:{NUM_STREAMS:1}}",
        '{"CPU":{"NUM_STREAMS":"1"}}',
        "{ CPU : { NUM_STREAMS : 1 , INFERENCE_NUM_THREADS : 2 } }",
        "{CPU:{PERFORMANCE_HINT:LATENCY,CACHE_DIR:/a/b c},GPU:{NUM_STREAMS:2}}",
    ],
)
def test_device_properties_that_openvino_reads_are_taken(text: str) -> None:
    """With quotes, spaces, and several devices."""
    ModelConfig(name="m", base_path="/m", plugin_config={"DEVICE_PROPERTIES": text})
