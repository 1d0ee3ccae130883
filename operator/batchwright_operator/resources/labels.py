"""Labels and annotations by Kubernetes' grammar, so that what is rendered is never refused there."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from batchwright_operator.resources.markers import Keywords, Rule

_LONGEST_PART = 63
_LONGEST_PREFIX = 253
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# By these the operator and Kubernetes know the pods. What else begins as ours is for later releases.
_OWN_PREFIX = "batchwright.dev/"
_OWN_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
    "pod-template-hash",
)
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


def _refuse(keys: Iterable[str], own: tuple[str, ...], rule: Rule) -> None:
    taken = sorted(key for key in keys if key in own or key.startswith(_OWN_PREFIX))
    if taken:
        raise ValueError(f"{rule.message}, got {', '.join(taken)}")


def _check_pod_labels(value: dict[str, str]) -> dict[str, str]:
    _refuse(value, _OWN_LABELS, _NO_OWN_LABELS)
    return value


def _check_pod_annotations(value: dict[str, str]) -> dict[str, str]:
    _refuse(value, (), _NO_OWN_ANNOTATIONS)
    return value


# Kubernetes judges the key of an annotation by its lower case.
_AnnotationKey = Annotated[str, AfterValidator(lambda key: _check_key(key.lower()) and key)]
_Key = Annotated[str, AfterValidator(_check_key)]

_VALUE = Keywords((("maxLength", _LONGEST_PART), ("pattern", f"^({_NAME.pattern})?$")))
_MOST = Field(max_length=64)

Labels = Annotated[dict[_Key, Annotated[str, AfterValidator(_check_value), _VALUE]], _MOST]
Annotations = Annotated[dict[_AnnotationKey, Annotated[str, Field(max_length=32768)]], _MOST]

_NO_OWN_LABELS = Rule(
    f"self.all(key, !(key in {list(_OWN_LABELS)}) && !key.startsWith('{_OWN_PREFIX}'))",
    f"expected none of the labels that are set by Batchwright itself ({', '.join(_OWN_LABELS)},"
    f" {_OWN_PREFIX}…)",
)
_NO_OWN_ANNOTATIONS = Rule(
    f"self.all(key, !key.startsWith('{_OWN_PREFIX}'))",
    f"expected none of the annotations that are set by Batchwright itself ({_OWN_PREFIX}…)",
)

PodLabels = Annotated[Labels, AfterValidator(_check_pod_labels), _NO_OWN_LABELS]
PodAnnotations = Annotated[Annotations, AfterValidator(_check_pod_annotations), _NO_OWN_ANNOTATIONS]
