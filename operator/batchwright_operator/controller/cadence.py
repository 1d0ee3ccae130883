"""When to look again."""

from batchwright_operator.resources.modelserver import ModelServer

SOON_SECONDS = 0.5  # while pods start or take up a document
_SLOWEST_SECONDS = 5.0
_FASTEST_SECONDS = 1.0
_LOOKS_PER_WINDOW = 20  # so that a window's edge is known to a twentieth


def tick_seconds(server: ModelServer) -> float:
    """The time between two looks at a server that is as it should be."""
    windows = [
        model.batching.adaptive.window_seconds
        for model in server.spec.models
        if model.batching.is_adaptive
    ]
    shortest = min(windows, default=_SLOWEST_SECONDS * _LOOKS_PER_WINDOW)
    return min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, shortest / _LOOKS_PER_WINDOW))
