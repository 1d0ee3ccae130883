"""Fields of a pod that it may read of itself."""

import re

from tests.support.cluster.apiclient import Object

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def read_field(pod: Object, path: str) -> str:
    """The value of a `fieldRef`."""
    if match := _KEYED.fullmatch(path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    current: object = pod
    for part in path.split("."):
        current = current.get(part, "") if isinstance(current, dict) else ""
    if isinstance(current, dict):  # all labels, or all annotations
        return "\n".join(f'{key}="{value}"' for key, value in sorted(current.items()))
    return str(current)
