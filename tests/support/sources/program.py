"""`batchwright-server fetch` as a process."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """How it ended, what it logged, and the reason that it left."""

    code: int
    log: str
    reason: str


@dataclass(frozen=True)
class FetchProgram:
    """Fetches into `folder`; `environ` has the credentials."""

    folder: Path
    environ: Mapping[str, str]
    flags: tuple[str, ...] = ()

    @property
    def model(self) -> Path:
        """What a server would read."""
        return self.folder / "volume" / "key" / "model"

    def files(self) -> dict[str, bytes]:
        """What a server would find there, by path."""
        found = (path for path in self.model.rglob("*") if path.is_file())
        return {str(path.relative_to(self.model)): path.read_bytes() for path in found}

    async def start(self, uri: str, *flags: str) -> asyncio.subprocess.Process:
        """A process that fetches `uri`."""
        volume = self.folder / "volume"
        volume.mkdir(exist_ok=True)
        self._reason.unlink(missing_ok=True)
        given = {
            "model_name": "resnet",
            "uri": uri,
            "cache_dir": volume,
            "cache_key": "key",
            "termination_log": self._reason,
        }
        command = [sys.executable, "-m", "batchwright_server", "fetch"]
        command += [f"--{key}={value}" for key, value in given.items()]
        kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
        return await asyncio.create_subprocess_exec(
            *command,
            *self.flags,
            *flags,
            env={**kept, **self.environ},
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, uri: str, *flags: str) -> Ended:
        """How fetching `uri` ends."""
        process = await self.start(uri, *flags)
        async with asyncio.timeout(_SECONDS):
            _, told = await process.communicate()
        reason = self._reason.read_text() if self._reason.exists() else ""
        return Ended(process.returncode or 0, told.decode(), reason)

    @property
    def _reason(self) -> Path:
        return self.folder / "reason"
