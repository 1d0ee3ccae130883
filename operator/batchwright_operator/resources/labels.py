"""Labels and annotations by Kubernetes' grammar, so that what is rendered is never refused there."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from batchwright_operator.resources.markers import Keywords

_LONGEST_PART = 63
_LONGEST_PREFIX = 253
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PREFIX = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_PART and _NAME.fullmatch(text) is not None


def _check_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    is_prefix = len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix) is not None
    if not _is_name(name) or (slash and not is_prefix):
        raise ValueError(
            "expected a key of at most 63 letters, digits, '-', '_' and '.', beginning and ending with "
            "a letter or digit, after a domain and '/' if you like"
        )
    return key


def _check_value(value: str) -> str:
    if value and not _is_name(value):
        raise ValueError(
            "expected at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter "
            "or digit"
        )
    return value


# Kubernetes judges the key of an annotation by its lower case.
_AnnotationKey = Annotated[str, AfterValidator(lambda key: _check_key(key.lower()) and key)]
_Key = Annotated[str, AfterValidator(_check_key)]

_VALUE = Keywords((("maxLength", _LONGEST_PART), ("pattern", f"^({_NAME.pattern})?$")))
_MOST = Field(max_length=64)

Labels = Annotated[dict[_Key, Annotated[str, AfterValidator(_check_value), _VALUE]], _MOST]
Annotations = Annotated[dict[_AnnotationKey, Annotated[str, Field(max_length=32768)]], _MOST]
