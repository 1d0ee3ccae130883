"""The kinds of objects that users write, by name."""

from collections.abc import Iterator, Mapping

from batchwright_operator.resources import modelserver, pipeline, wording
from batchwright_operator.resources.modelserver import API_VERSION, ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_server.config.problems import Problem

Resource = ModelServer | Pipeline
KINDS: Mapping[str, type[ModelServer] | type[Pipeline]] = {
    modelserver.KIND: ModelServer,
    pipeline.KIND: Pipeline,
}


def check_kind(raw: object) -> Iterator[Problem]:
    """What keeps `raw` from being an object of one of these kinds."""
    if not isinstance(raw, Mapping):
        yield Problem("", f"expected a mapping with apiVersion and kind, got {wording.shorten(raw)}")
        return
    for key, choices in (("apiVersion", [API_VERSION]), ("kind", list(KINDS))):
        expected = " or ".join(choices)
        if key not in raw:
            yield Problem(key, f"required, but missing; expected {expected}")
        elif raw[key] not in choices:
            yield Problem(key, f"expected {expected} (got {wording.shorten(raw[key])})")
