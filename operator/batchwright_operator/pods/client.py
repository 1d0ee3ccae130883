"""The pod client: a pod's signals, and the document that it is to serve.

A pod that does not answer is an everyday thing and therefore a value, never an exception.
"""

import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import aiohttp
from yarl import URL

from batchwright_operator.pods import answers
from batchwright_operator.pods.target import Configured, Outcome, Target
from batchwright_operator.reconcile.observed import Report, Unreachable

__all__ = ["Configured", "HttpPodClient", "Outcome", "PodClient", "Target"]

TIMEOUT_SECONDS = 2.0
CONFIGURE_SECONDS = 10.0  # compiling may take minutes: nobody waits for them on the line
IDLE_SECONDS = 30.0  # a connection is kept so long: pods that are read more rarely hold none
_REMEMBERED_PODS = 10_000  # whose token is remembered
_AUTHORITIES = 256  # whose TLS contexts are kept
_OK, _UNAUTHORIZED = 200, 401
# ValueError: an address that is none. TimeoutError is an OSError.
_FAULTS = (aiohttp.ClientError, OSError, ValueError)


class PodClient(Protocol):
    """What the controller asks of pods."""

    async def read(self, target: Target) -> Report:
        """The pod's signals."""
        ...

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        """Have the pod serve `document`; how that goes on is in its signals too."""
        ...


@dataclass(frozen=True)
class _Question:
    method: str
    path: str
    timeout: aiohttp.ClientTimeout
    document: bytes | None = None


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes


class HttpPodClient:
    """The pod client over HTTP. Must be closed.

    `resolve` gives for a pod's host where it is really found; None: it is found where it says.
    """

    def __init__(
        self,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        configure_seconds: float = CONFIGURE_SECONDS,
        resolve: Callable[[str], str] | None = None,
    ) -> None:
        self._reading = aiohttp.ClientTimeout(total=timeout_seconds)
        self._configuring = aiohttp.ClientTimeout(total=configure_seconds, sock_connect=timeout_seconds)
        self._resolve = resolve
        self._tokens: OrderedDict[str, str] = OrderedDict()  # the one that a pod took, by address
        self._context = lru_cache(maxsize=_AUTHORITIES)(_context)
        self._session = aiohttp.ClientSession(
            # One connection serves a pod; the other is for signals while a document is under way.
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=2, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self._session.close()

    async def read(self, target: Target) -> Report:
        """The pod's signals, or why there are none."""
        question = _Question("GET", "/v1/signals", self._reading)
        try:
            answer = await self._ask(target, question)
        except _FAULTS as error:
            return _no_answer(target, question, error)
        if answer.status != _OK:
            return answers.parse_refusal(_OK, answer.status, answer.body)
        return answers.parse_signals(answer.body)

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        """What became of the document, as far as the pod told in time."""
        if len(document) > answers.MAX_BYTES:
            return Configured(Outcome.REFUSED, error=f"a document of over {answers.MAX_BYTES} bytes")
        question = _Question("PUT", "/v1/config", self._configuring, document)
        try:
            answer = await self._ask(target, question)
        except aiohttp.ConnectionTimeoutError as error:
            return _no_answer(target, question, error)
        except TimeoutError:
            return Configured(Outcome.PENDING)
        except _FAULTS as error:
            return _no_answer(target, question, error)
        return answers.parse_configured(answer.status, answer.body)

    async def _ask(self, target: Target, question: _Question) -> _Answer:
        """The answer to the first token that the pod takes, or to the last one."""
        first, *others = self._tokens_in_order(target)
        answer = await self._send(target, question, first)
        for token in others:
            if answer.status != _UNAUTHORIZED:
                break
            answer = await self._send(target, question, token)
        return answer

    async def _send(self, target: Target, question: _Question, token: str) -> _Answer:
        asking = self._session.request(
            question.method,
            self._url(target, question),
            data=question.document,
            headers=_headers(question, token),
            timeout=question.timeout,
            allow_redirects=False,
            ssl=self._context(_check_authority(target)) if target.has_tls else True,
            server_hostname=target.server_name or None,
        )
        async with asking as response:
            answer = _Answer(response.status, await answers.read_capped(response.content))
        if answer.status != _UNAUTHORIZED:
            self._remember(target, token)
        return answer

    def _url(self, target: Target, question: _Question) -> URL:
        host, _, port = target.address.rpartition(":")
        host = host.strip("[]")
        found = self._resolve(host) if self._resolve else host
        scheme = "https" if target.has_tls else "http"
        return URL.build(scheme=scheme, host=found, port=int(port), path=question.path)

    def _tokens_in_order(self, target: Target) -> tuple[str, ...]:
        """The tokens to try; one that the pod took before comes first. An empty one: without."""
        good = self._tokens.get(target.address)
        if good not in target.tokens:
            return target.tokens or ("",)
        return (good, *(token for token in target.tokens if token != good))

    def _remember(self, target: Target, token: str) -> None:
        if len(target.tokens) > 1:
            self._tokens[target.address] = token
            self._tokens.move_to_end(target.address)
            while len(self._tokens) > _REMEMBERED_PODS:
                self._tokens.popitem(last=False)


def _headers(question: _Question, token: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return headers if question.document is None else headers | {"Content-Type": "application/json"}


def _check_authority(target: Target) -> str | None:
    if target.ca == "":
        raise ValueError(f"no authority was found for the certificate of {target.server_name!r}")
    return target.ca


def _context(authority: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority)


def _no_answer(target: Target, question: _Question, error: Exception) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(f"no answer from {target.address}{question.path}: {reason}")
