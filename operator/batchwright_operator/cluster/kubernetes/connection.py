"""How to reach the API server: its address, whom to trust, and credentials that are read again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

REFRESH_SECONDS = 60.0
_AGAIN_SECONDS = 1.0
_TOKEN = "BearerToken"  # noqa: S105 - the key that the client looks a token up by


@dataclass(frozen=True)
class Connection:
    """Where the credentials are. Without a kubeconfig: those that a pod is given."""

    kubeconfig: Path | None = None
    context: str | None = None  # None: the kubeconfig's current one
    connections: int = 16  # at once, and kept open


_FAULTS = (config.ConfigException, OSError, AttributeError, KeyError, TypeError, ValueError)


class ConnectionFault(Exception):
    """There are no credentials, or none that can be read."""


class Credentials:
    """The client's configuration, its token read again every minute of a clock that nobody sets."""

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._due = 0.0
        self._loading = asyncio.Lock()
        self.configuration = Configuration(retries=None)
        self.configuration.connection_pool_maxsize = connection.connections

    @classmethod
    async def load(
        cls, connection: Connection, *, clock: Callable[[], float] = time.monotonic
    ) -> "Credentials":
        """What there is now. Raises ConnectionFault."""
        credentials = cls(connection, clock)
        try:
            await credentials._read()
        except _FAULTS as error:
            raise ConnectionFault(f"no credentials for a Kubernetes API server: {error}") from error
        credentials.configuration.refresh_api_key_hook = credentials._refresh  # type: ignore[assignment] # declared as None
        return credentials

    def expire(self) -> None:
        """Have the token read again before the next call: the API server refused the one there is."""
        self._due = self._clock()

    async def _refresh(self, configuration: Configuration) -> None:
        """Called by the client before each request."""
        async with self._loading:
            if self._clock() < self._due:
                return
            try:
                await self._read()
            except _FAULTS:
                self._due = self._clock() + _AGAIN_SECONDS  # just being replaced; the old may still do

    async def _read(self) -> None:
        if self._connection.kubeconfig is None:
            config.load_incluster_config(self.configuration, try_refresh_token=False)  # type: ignore[no-untyped-call] # has no annotations
        else:
            await config.load_kube_config(  # type: ignore[no-untyped-call] # has no annotations
                config_file=str(self._connection.kubeconfig),
                context=self._connection.context,
                client_configuration=self.configuration,
                persist_config=False,
            )
        keys = self.configuration.api_key
        if _TOKEN in keys:  # its file may end with a newline, which no header can carry
            keys[_TOKEN] = keys[_TOKEN].strip()
        self._due = self._clock() + REFRESH_SECONDS
