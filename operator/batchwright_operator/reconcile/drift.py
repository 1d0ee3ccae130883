"""Whether an object of the cluster still is what was rendered for it.

A cluster adds fields and writes amounts in its own way. So an object is as it should be if every leaf of
the rendered manifest is found in it; what else it has is the cluster's business, or another's. Only in
fields that Kubernetes takes as a whole, where more would mean something else, there may be no more.
"""

from collections.abc import Mapping, Sequence

from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render.bundle import rendered_hash
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources import quantity

_AMOUNTS = frozenset({"limits", "requests"})  # mappings of quantities
_AMOUNT = frozenset({"averageValue", "divisor", "sizeLimit"})  # quantities
_WHOLE = frozenset({"selector", "podSelector", "nodeSelector", "ingress", "tolerations"})
_NOT_OURS = frozenset({"resourceVersion", "status"})


def has_drifted(manifest: Manifest, observed: Observed) -> bool:
    """Whether the object has to be written: it is missing, of an older rendering, or was changed."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    found = observed.find(kind, name)
    if found is None or rendered_hash(found) != rendered_hash(manifest):
        return True
    return (kind, name) not in observed.settled and find_difference(manifest, found) is not None


def find_difference(manifest: Manifest, found: Manifest) -> str | None:
    """The path of the first leaf of `manifest` that is not in `found`; None if all are."""
    wanted = {key: value for key, value in manifest.items() if key not in _NOT_OURS}
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _NOT_OURS}
    return _difference({**wanted, "metadata": metadata}, found, ())


def _difference(wanted: object, found: object, path: tuple[str, ...]) -> str | None:
    if isinstance(wanted, Mapping):
        return _mapping_difference(wanted, found if isinstance(found, Mapping) else {}, path)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _list_difference(wanted, found if isinstance(found, Sequence) else (), path)
    is_same = wanted == found or wanted is None or (_is_amount(path) and _are_equal(wanted, found))
    return None if is_same else ".".join(path)


def _mapping_difference(
    wanted: Mapping[str, object], found: Mapping[str, object], path: tuple[str, ...]
) -> str | None:
    for key, value in wanted.items():
        difference = _difference(value, found.get(key), (*path, key))
        if difference is not None:
            return difference
    more = sorted(found.keys() - wanted.keys()) if _is_whole(path) else ()
    return ".".join((*path, more[0])) if more else None


def _list_difference(
    wanted: Sequence[object], found: Sequence[object], path: tuple[str, ...]
) -> str | None:
    """Items that are objects are found wherever they are; in a list of texts or numbers all counts."""
    if not all(isinstance(item, Mapping) for item in wanted):
        return None if list(wanted) == list(found) else ".".join(path)
    if _is_whole(path) and len(wanted) != len(found):
        return ".".join(path)
    for index, item in enumerate(wanted):
        if not any(_difference(item, other, path) is None for other in found):
            return ".".join((*path, _label(item, index)))
    return None


def _label(item: object, index: int) -> str:
    name = item.get("name") if isinstance(item, Mapping) else None
    return str(name) if name is not None else str(index)


def _is_whole(path: tuple[str, ...]) -> bool:
    return not _WHOLE.isdisjoint(path)


def _is_amount(path: tuple[str, ...]) -> bool:
    return path[-1] in _AMOUNT or (len(path) > 1 and path[-2] in _AMOUNTS)


def _are_equal(wanted: object, found: object) -> bool:
    try:
        return quantity.amount(str(wanted)) == quantity.amount(str(found))
    except ValueError:
        return False
