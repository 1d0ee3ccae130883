"""What a real server's log and answers say of a request."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from batchwright_server.api import calls
from batchwright_server.telemetry import log
from tests.support import models, serving, tfs

ONES = np.ones((3, 4), np.float32)


class Lines(logging.Handler):
    """Keeps each line as a JSON collector would get it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(log.JsonFormatter())
        self.events: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the event in `record`."""
        self.events.append(json.loads(self.format(record)))

    def said(self, message: str) -> list[dict[str, Any]]:
        """The events with a message that begins so."""
        return [event for event in self.events if event["message"].startswith(message)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "m")
    batching = {"strategy": "reload"}
    config = serving.document(serving.model_config("m", folder, batching=batching))
    async with serving.serve(tmp_path, config) as running:
        yield running


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    found = Lines()
    caplog.set_level(logging.DEBUG, logger="batchwright_server")
    logging.getLogger("batchwright_server").addHandler(found)
    return found


@pytest.fixture(autouse=True)
def _detached(lines: Lines) -> Any:
    yield
    logging.getLogger("batchwright_server").removeHandler(lines)


async def call_with_id(
    server: serving.Serving, model: str, request_id: str
) -> tuple[grpc.StatusCode, str]:
    request = tfs.predict_request(model, x=ONES)
    call = server.client.prediction.Predict(
        request, metadata=(("x-request-id", request_id),), timeout=30
    )
    code = await call.code()
    return code, dict(await call.trailing_metadata())[calls.REQUEST_ID]


async def test_a_grpc_request_is_one_line_with_its_id(server: serving.Serving, lines: Lines) -> None:
    """Model, version, protocol, batch size, code, times and the client's id; the id is given back."""
    assert await call_with_id(server, "m", "mine-1") == (grpc.StatusCode.OK, "mine-1")

    (line,) = lines.said("request answered")
    assert (line["request_id"], line["level"], line["code"]) == ("mine-1", "DEBUG", "OK")
    assert (line["model"], line["version"], line["protocol"]) == ("m", 1, "tfs_grpc")
    assert line["batch_size"] == 3
    assert line["milliseconds"] >= line["queue_milliseconds"] > 0  # size 3 was not compiled before


async def test_a_failed_request_keeps_its_id(server: serving.Serving, lines: Lines) -> None:
    """An aborted call gives its id back too, and is in the log with its code."""
    assert await call_with_id(server, "other", "mine-2") == (grpc.StatusCode.NOT_FOUND, "mine-2")

    (line,) = lines.said("request answered")
    assert (line["request_id"], line["code"]) == ("mine-2", "NOT_FOUND")


async def test_failures_do_not_flood_the_log(server: serving.Serving, lines: Lines) -> None:
    """Of many failures of a kind in a minute one is a warning; another kind has its own."""
    for index in range(5):
        await call_with_id(server, "other", f"many-{index}")
    async with server.http.post("/v1/models/m:predict", data=b"{") as response:
        assert response.status == 400

    warnings = lines.said("request failed")
    assert [line["kind"] for line in warnings] == ["NOT_FOUND", "INVALID_ARGUMENT"]
    assert {line["level"] for line in warnings} == {"WARNING"}
    assert warnings[0]["request_id"] == "many-0"


async def test_http_answers_carry_an_id(server: serving.Serving, lines: Lines) -> None:
    """The client's, or one made up; also where the path does not exist. The line names the route."""
    body = json.dumps({"instances": ONES.tolist()})
    async with server.http.post(
        "/v1/models/m:predict", data=body, headers={"X-Request-Id": "web"}
    ) as response:
        assert (response.status, response.headers["X-Request-Id"]) == (200, "web")
    async with server.http.get("/nowhere") as response:
        assert response.status == 404
        made_up = response.headers["X-Request-Id"]

    first, second = lines.said("request answered")
    assert (first["request_id"], first["protocol"], first["code"]) == ("web", "tfs_rest", "OK")
    assert first["method"] == "POST /v1/models/{model}:predict"
    assert (second["request_id"], second["code"]) == (made_up, "404")


@pytest.mark.parametrize("bad", ["x" * 129, "a\tb", ""])
async def test_an_id_that_no_log_can_hold_is_replaced(server: serving.Serving, bad: str) -> None:
    """Too long, or not printable: the server names the request itself."""
    async with server.http.get("/v2/health/live", headers={"X-Request-Id": bad}) as response:
        assert response.headers["X-Request-Id"] != bad
        assert len(response.headers["X-Request-Id"]) == 32
