"""A Google Cloud Storage server of its own process: fake-gcs-server, built by Go when first needed.

That server lets everybody in, and a bucket that is not there is a fault of its own to it. The gate
before it stands in for what Google adds: tokens signed by an account's key or given by the metadata
service, 401 for any other, and 404 for a bucket that is not there.
"""

import asyncio
import base64
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from tests.support import serving
from tests.support.cluster import binaries
from tests.support.sources.gate import Call, gate

PACKAGE, VERSION = "github.com/fsouza/fake-gcs-server", "v1.52.3"
BUCKET = "nets"
METADATA_TOKEN = "given-to-the-pod"  # noqa: S105
_MAKE_SECONDS = 900.0
_START_SECONDS = 60.0
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105
_EXPONENT = 65537


@dataclass
class Bucket:
    """A bucket that one account may read, and pods that have the metadata service."""

    endpoint: str  # of the gate
    behind: str
    key: str  # the account's, as Google gives it
    calls: list[Call] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """The variables of those who may read it."""
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": self.key}

    @property
    def metadata_environ(self) -> dict[str, str]:
        """The variables under which the gate is the metadata service."""
        address = self.endpoint.removeprefix("http://")
        return {"GCE_METADATA_HOST": address, "GCE_METADATA_IP": address}

    @property
    def read_paths(self) -> list[str]:
        """The objects whose content was asked for, in order, below the bucket."""
        start = f"/{BUCKET}/"
        found = (call.path for call in self.calls if call.method == "GET")
        return [path.removeprefix(start) for path in found if path.startswith(start)]

    async def put(self, path: str, content: bytes) -> None:
        """Put an object, past the gate."""
        name = quote(path, safe="")
        await _post(
            f"{self.behind}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}", content
        )


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Bucket]:
    """A server with an empty bucket, behind a gate; the account's key is made in `folder`."""
    program, port = str(require()), str(serving.free_port())
    flags = ("-scheme", "http", "-host", "127.0.0.1", "-port", port, "-backend", "memory")
    host = ("-public-host", f"127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(
        program, *flags, *host, stderr=asyncio.subprocess.PIPE
    )
    try:
        behind = await _address(process)
        await _post(f"{behind}/storage/v1/b?project=p", json.dumps({"name": BUCKET}).encode())
        key, modulus = await asyncio.to_thread(make_key, folder)
        bucket = Bucket("", behind, key)
        async with gate(behind, bucket.calls.append, lambda asked: _judge(asked, modulus)) as endpoint:
            bucket.endpoint = endpoint
            yield bucket
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def require() -> Path:
    """The server's program; skips the test where it cannot be built."""
    program = binaries.cache_folder() / VERSION / "fake-gcs-server"
    go = shutil.which("go")
    if program.exists():
        return program
    if go is None:
        pytest.skip(f"GOOGLE STORAGE SERVER MISSING: install Go (1.24 or newer); it builds {PACKAGE}")
    environ = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": "-p=1", "CGO_ENABLED": "0"}
    command = ["nice", go, "install", f"{PACKAGE}@{VERSION}"]
    try:
        subprocess.run(command, check=True, timeout=_MAKE_SECONDS, env=environ, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"GOOGLE STORAGE SERVER MISSING: Go cannot build {PACKAGE} here: {error}")
    return program


def make_key(folder: Path) -> tuple[str, int]:
    """A new account's key as Google gives it, and the modulus that its signatures are checked by."""
    file = folder / "account.pem"
    made = ["openssl", "genpkey", "-algorithm", "RSA", "-out", str(file)]
    subprocess.run(made, check=True, capture_output=True)
    asked = ["openssl", "rsa", "-in", str(file), "-noout", "-modulus"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    key = {
        "type": "service_account",
        "client_email": "reader@team.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": file.read_text(),
    }
    return json.dumps(key), int(told.strip().partition("=")[2], 16)


def _judge(asked: web.Request, modulus: int) -> web.Response | None:
    """What is answered in place of the server; None where the server may."""
    if asked.path == _TOKEN_PATH:
        given = {"access_token": METADATA_TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        return web.json_response(given, status=200 if "Metadata-Flavor" in asked.headers else 403)
    token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
    if token != METADATA_TOKEN and not _is_signed(token, modulus):
        return web.Response(status=401, text="<Error><Code>AuthenticationRequired</Code></Error>")
    if asked.path.strip("/").partition("/")[0] != BUCKET:
        return web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")
    return None


def _is_signed(token: str, modulus: int) -> bool:
    """Whether a token (RS256) was signed by the key of that modulus."""
    text, _, signature = token.rpartition(".")
    number = int.from_bytes(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    opened = pow(number, _EXPONENT, modulus).to_bytes((modulus.bit_length() + 7) // 8)
    return bool(text) and opened.endswith(sha256(text.encode()).digest())


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(_START_SECONDS):
        while line := (await process.stderr.readline()).decode():
            if match := re.search(r"server started at (http://[^\s\"]+)", line):
                return match[1]
    raise AssertionError("the server ended before it listened")


async def _post(address: str, content: bytes) -> None:
    url = URL(address, encoded=True)
    async with ClientSession() as http, http.post(url, data=io.BytesIO(content)) as answer:
        assert answer.status == 200, await answer.text()
