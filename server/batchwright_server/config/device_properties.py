"""The property DEVICE_PROPERTIES: a text with properties for each device.

OpenVINO never returns from reading some that are malformed, `{}` among them: they are refused here.
"""

import re

KEY = "DEVICE_PROPERTIES"

_NAME = r"\s*[^\s{}:,][^{}:,]*"
_PAIR = rf"{_NAME}:[^{{}},]*"
_DEVICE = rf"{_NAME}:\s*\{{{_PAIR}(?:,{_PAIR})*\}}\s*"
_WHOLE = re.compile(rf"\s*\{{{_DEVICE}(?:,{_DEVICE})*\}}\s*")


def check(value: object) -> None:
    """Raise ValueError unless `value` is a text that OpenVINO can read."""
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError(
            f"{KEY}: expected a text such as {{CPU:{{NUM_STREAMS:2}},GPU:{{NUM_STREAMS:1}}}}"
        )
