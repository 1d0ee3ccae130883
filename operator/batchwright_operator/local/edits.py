"""Edits of the manifest files, and what stands against taking them."""

from dataclasses import dataclass

from batchwright_operator.local import checks
from batchwright_operator.local.manifestfiles import Contents, Watch
from batchwright_operator.local.placement import Placement
from batchwright_operator.resources.attachment import Manifests
from batchwright_operator.resources.manifests import InvalidManifests
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline

Servers = tuple[ModelServer, ...]


@dataclass(frozen=True)
class Refusal:
    """An edit that is not taken, and every fault of it."""

    message: str


class Edits:
    """The edits since `contents` were read.

    What an edit needs of the machine (a directory, a port) may come later than the edit: it is looked
    for again at every poll.
    """

    def __init__(self, contents: Contents, placement: Placement) -> None:
        self.orphans: tuple[Pipeline, ...] = ()  # Pipelines of the edit taken last, without a server
        self._watch = Watch(contents)
        self._placement = placement
        self._waiting: Manifests | None = None
        self._told = ""

    def poll(self, running: Servers) -> Servers | Refusal | None:
        """The objects to run from now on, or why not; None if there is nothing new to tell."""
        try:
            edited = self._edited(running)
        except (checks.SetupError, InvalidManifests) as error:
            return self._refuse(str(error))
        if edited is not None:
            self._waiting, self._told = None, ""
        return edited

    def _edited(self, running: Servers) -> Servers | None:
        contents = self._watch.poll()
        if contents is not None:
            self._waiting = None
            self._waiting = contents.parse_all()
        if self._waiting is None:
            return None
        edited = self._placement.place(self._waiting.servers, running)
        checks.check_edit(edited, self._placement, running)
        self.orphans = self._waiting.orphans
        return edited

    def _refuse(self, message: str) -> Refusal | None:
        is_news, self._told = message != self._told, message
        return Refusal(message) if is_news else None
