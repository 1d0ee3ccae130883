"""An Azure Blob server of its own process: Azurite, made by npm when a test first needs it."""

import asyncio
import base64
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from hashlib import sha256
from hmac import digest
from typing import Any

import obstore
import pytest
from aiohttp import ClientSession
from obstore.store import AzureStore

from tests.support import foreign
from tests.support.sources.gate import Call, gate

VERSION = "3.35.0"
ACCOUNT = "models"  # also the first part of every path: the account is not in the host's name
CONTAINER = "nets"
_FOLDER = foreign.CLIENTS / "azurite"
_MAKE_SECONDS = 400.0
_START_SECONDS = 60.0
_API = "2021-08-06"


@dataclass
class Container:
    """A container with one account that may do all."""

    endpoint: str  # of the gate, with the account
    key: str
    store: Any
    calls: list[Call] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """The variables of those who may read it."""
        return {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": self.key}

    @property
    def read_paths(self) -> list[str]:
        """The blobs whose content was asked for, in order, below the container."""
        start = f"/{ACCOUNT}/{CONTAINER}/"
        found = (call.path for call in self.calls if call.method == "GET")
        return [path.removeprefix(start) for path in found if path.startswith(start)]

    async def put(self, path: str, content: bytes) -> None:
        """Put a blob, past the gate."""
        await obstore.put_async(self.store, path, content)


@asynccontextmanager
async def serve() -> AsyncIterator[Container]:
    """A server with an empty container, behind a gate that counts."""
    command, key = require(), base64.b64encode(secrets.token_bytes(64)).decode()
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        behind = await _address(process)
        account = f"{behind}/{ACCOUNT}"
        await _send(account, key, "PUT", CONTAINER, {"restype": "container"})
        options: Any = {"account_name": ACCOUNT, "account_key": key, "endpoint": account}
        store = AzureStore(CONTAINER, **options, client_options={"allow_http": True})
        container = Container("", key, store)
        async with gate(behind, container.calls.append) as endpoint:
            container.endpoint = f"{endpoint}/{ACCOUNT}"
            yield container
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def require() -> tuple[str, ...]:
    """The command of a server on any port; skips the test where it cannot be made."""
    node = shutil.which("node")
    npm = shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("AZURE SERVER MISSING: install node and npm (20 or newer); Azurite is made by them")
    program = _FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    stamp = _FOLDER / "made"
    if not stamp.exists() or stamp.read_text() != VERSION:
        try:
            _make(npm)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"AZURE SERVER MISSING: npm cannot install azurite@{VERSION} here: {error}")
        stamp.write_text(VERSION)
    flags = ("--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry")
    return (node, str(program), *flags, "--skipApiVersionCheck", "--disableProductStyleUrl")


def _make(npm: str) -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    quiet = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error")
    command = [npm, "install", *quiet, "--prefix", str(_FOLDER), f"azurite@{VERSION}"]
    subprocess.run(command, check=True, timeout=_MAKE_SECONDS, stdout=subprocess.DEVNULL)


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        while line := (await process.stdout.readline()).decode():
            if match := re.search(r"successfully listens on (http://\S+)", line):
                return match[1]
    raise AssertionError("the server ended before it listened")


async def _send(account: str, key: str, method: str, path: str, query: dict[str, str]) -> None:
    """A signed request without content: what the store's client does not do, such as a container."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _API}
    sent = "\n".join(f"{name}:{value}" for name, value in headers.items())
    asked = "\n".join(f"{name}:{value}" for name, value in sorted(query.items()))
    text = method + "\n" * 12 + f"{sent}\n/{ACCOUNT}/{ACCOUNT}/{path}\n{asked}"
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{_sign(key, text)}"
    asking: Any = {"params": query, "headers": headers, "skip_auto_headers": ["Content-Type"]}
    async with (
        ClientSession() as http,
        http.request(method, f"{account}/{path}", **asking) as answer,
    ):
        assert answer.status < 300, await answer.text()


def shared_signature(key: str) -> str:
    """A SAS by which the container may be read and listed for an hour."""
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = ["rl", "", until, f"/blob/{ACCOUNT}/{CONTAINER}", "", "", "", _API, "c", *[""] * 7]
    signature = _sign(key, "\n".join(fields))
    given = {"sp": "rl", "se": until, "sv": _API, "sr": "c", "sig": signature}
    return "&".join(f"{name}={_quote(value)}" for name, value in given.items())


def _quote(value: str) -> str:
    return value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D").replace(":", "%3A")


def _sign(key: str, text: str) -> str:
    return base64.b64encode(digest(base64.b64decode(key), text.encode(), sha256)).decode()
