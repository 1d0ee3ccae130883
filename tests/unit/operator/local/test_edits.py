"""Which edits are taken, and what is told of the others."""

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright_operator.local.edits import Edits, Refusal, Servers
from batchwright_operator.local.manifestfiles import Contents
from batchwright_operator.local.placement import Placement
from tests.support.modelservers import model_document, server_document


class Desk:
    """A manifest that is edited, with the volume its models are on."""

    def __init__(self, folder: Path) -> None:
        self.volume = folder / "models"
        self.file = folder / "a.yaml"
        self.add_model("resnet")
        self.save()
        placement = Placement(folder / "state", {"models": self.volume})
        contents = Contents.read([self.file])
        self.running = contents.parse()
        self._edits = Edits(contents, placement)
        self.poll()

    def add_model(self, name: str) -> None:
        """Make the directory of a model."""
        (self.volume / name).mkdir(parents=True)

    def save(self, model: str = "resnet", **spec: Any) -> None:
        """Save the object with that model."""
        self.file.write_text(yaml.safe_dump(server_document(model_document(model), **spec)))

    def poll(self) -> Servers | Refusal | None:
        """One look."""
        return self._edits.poll(self.running)

    def settled(self) -> Servers | Refusal | None:
        """The look at which an edit just saved is judged."""
        assert self.poll() is None
        return self.poll()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with one object of one model."""
    return Desk(tmp_path)


def test_an_edit_is_taken(desk: Desk) -> None:
    """What was saved is what is to run, once."""
    desk.save(replicas=2)
    taken = desk.settled()
    assert isinstance(taken, tuple)
    assert taken[0].spec.replicas == 2
    assert desk.poll() is None


def test_a_refusal_is_told_once(desk: Desk) -> None:
    """The same reason is not repeated; another one is told."""
    desk.save("late")
    refused = desk.settled()
    assert isinstance(refused, Refusal)
    assert "expected a directory at" in refused.message
    assert [desk.poll() for _ in range(3)] == [None, None, None]
    desk.save("later")
    assert isinstance(desk.settled(), Refusal)


def test_an_edit_waits_for_the_machine(desk: Desk) -> None:
    """A directory that is made after the edit lets it in, without saving the file again."""
    desk.save("late")
    assert isinstance(desk.settled(), Refusal)
    desk.add_model("late")
    taken = desk.poll()
    assert isinstance(taken, tuple)
    assert taken[0].spec.models[0].name == "late"


def test_a_newer_fault_replaces_what_waits(desk: Desk) -> None:
    """When the file is broken meanwhile, the edit before it is not taken any more."""
    desk.save("late")
    assert isinstance(desk.settled(), Refusal)
    desk.file.write_text("kind: Pod\n")
    assert isinstance(desk.settled(), Refusal)
    desk.add_model("late")
    assert desk.poll() is None


def test_a_port_that_is_taken(desk: Desk) -> None:
    """An edit to a port of another program is refused before anything changes."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        desk.save(service={"grpcPort": port})
        refused = desk.settled()
    assert isinstance(refused, Refusal)
    assert f"cannot listen at 127.0.0.1:{port}" in refused.message
