"""What web pages of other origins may ask of a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import models, serving

PAGE, STRANGER = "https://page.example", "https://stranger.example"
PREDICT = "/v1/models/affine:predict"


@asynccontextmanager
async def serve(tmp_path: Path, *flags: str) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "affine")
    config = serving.document(serving.model_config("affine", folder, batch_size="auto"))
    async with serving.serve(tmp_path, config, *flags) as running:
        yield running


async def ask(
    server: serving.Serving, method: str, path: str, origin: str, **headers: str
) -> tuple[int, dict[str, str]]:
    """The status, and the headers that browsers look at."""
    given = {"Origin": origin} | {name.replace("_", "-"): value for name, value in headers.items()}
    body: Any = {"instances": [[1, 2, 3, 4]]} if method == "POST" else None
    async with server.http.request(method, path, json=body, headers=given) as response:
        names = [name for name in response.headers if name.startswith("Access-Control")]
        return response.status, {name[15:]: response.headers[name] for name in names}


async def test_pages_of_an_origin_that_is_named_may_ask(tmp_path: Path) -> None:
    """They see answers and failures, and learn beforehand what they may send; others do not."""
    flags = ["--allowed_origins", f"https://other.example, {PAGE}", "--allow_credentials", "true"]
    async with serve(tmp_path, *flags) as server:
        status, allowed = await ask(server, "POST", PREDICT, PAGE)
        missing, told = await ask(server, "GET", "/v2/models/nobody", PAGE)
        stranger, nothing = await ask(server, "POST", PREDICT, STRANGER)
        preflight, wishes = await ask(
            server,
            "OPTIONS",
            PREDICT,
            PAGE,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="content-type, authorization",
        )

    assert (status, missing, stranger, preflight) == (200, 404, 200, 204)
    assert (allowed["Allow-Origin"], allowed["Allow-Credentials"]) == (PAGE, "true")
    assert "Inference-Header-Content-Length" in allowed["Expose-Headers"]
    assert told["Allow-Origin"] == PAGE
    assert nothing == {}
    assert wishes["Allow-Headers"] == "content-type, authorization"
    assert wishes["Allow-Methods"] == "GET, POST"


async def test_pages_may_ask_before_they_have_a_token(tmp_path: Path) -> None:
    """Browsers send none with their question; what is not allowed without one stays so."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    flags = ["--allowed_origins", "*", "--auth_token_file", str(token)]
    async with serve(tmp_path, *flags) as server:
        preflight, wishes = await ask(
            server, "OPTIONS", PREDICT, PAGE, Access_Control_Request_Method="POST"
        )
        refused, told = await ask(server, "POST", PREDICT, PAGE)

    assert (preflight, wishes["Allow-Origin"]) == (204, "*")
    assert (refused, told["Allow-Origin"]) == (401, "*")


@pytest.mark.parametrize("path", ["/v1/config", "/v1/config/reload", "/v1/signals", "/metrics"])
async def test_no_page_manages_the_server(tmp_path: Path, path: str) -> None:
    """Whatever origins are allowed, browsers keep them off all but models."""
    async with serve(tmp_path, "--allowed_origins", "*") as server:
        _, allowed = await ask(server, "GET", path, PAGE)
        status, wishes = await ask(server, "OPTIONS", path, PAGE, Access_Control_Request_Method="PUT")

    assert (allowed, wishes, status) == ({}, {}, 405)


async def test_by_default_no_page_may_ask(tmp_path: Path) -> None:
    """A server that nobody told of web pages sends none of their headers."""
    async with serve(tmp_path) as server:
        assert await ask(server, "POST", PREDICT, PAGE) == (200, {})
