"""A newer operator's pods, one object at a time."""

import dataclasses
from typing import Any

from batchwright_operator.controller.pacing import WARM_UP_SECONDS, Pacer
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.modelservers import make_server

OLD = Settings(image="server:1")
NEW = dataclasses.replace(OLD, image="server:2")
FOLLOWING: dict[str, Any] = {"update": {"policy": "WithOperator"}}
LATER = WARM_UP_SECONDS + 1


def _observed(server: ModelServer, settings: Settings, *, complete: bool = True) -> Observed:
    deployment = render_bundle(server, settings, {}).deployment
    counts = {"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1 if complete else 0}
    return Observed((deployment | {"status": counts},))


def _image(pacer: Pacer, server: ModelServer, observed: Observed, now: float = LATER) -> str:
    return pacer.choose(server, NEW, observed, now=now).image


def test_manual_stays() -> None:
    """An upgrade of the operator alone changes no pod."""
    server = make_server()
    assert _image(Pacer(0), server, _observed(server, OLD)) == "server:1"


def test_one_after_the_other() -> None:
    """The next begins when the pods of the last are all new and available."""
    one, two = make_server(name="one", **FOLLOWING), make_server(name="two", **FOLLOWING)
    pacer = Pacer(0)
    assert _image(pacer, one, _observed(one, OLD)) == "server:2"
    assert _image(pacer, two, _observed(two, OLD)) == "server:1"
    assert _image(pacer, one, _observed(one, NEW, complete=False)) == "server:2"
    assert _image(pacer, two, _observed(two, OLD)) == "server:1"
    assert _image(pacer, one, _observed(one, NEW)) == "server:2"
    assert _image(pacer, two, _observed(two, OLD)) == "server:2"


def test_one_that_is_gone_holds_up_nobody() -> None:
    """Deleted, or its policy changed."""
    one, two = make_server(name="one", **FOLLOWING), make_server(name="two", **FOLLOWING)
    pacer = Pacer(0)
    assert _image(pacer, one, _observed(one, OLD)) == "server:2"
    pacer.forget(one.key)
    assert _image(pacer, two, _observed(two, OLD)) == "server:2"


def test_a_new_operator_waits() -> None:
    """What was under way when the one before ended comes to an end first."""
    one = make_server(name="one", **FOLLOWING)
    assert _image(Pacer(0), one, _observed(one, OLD), now=1.0) == "server:1"
