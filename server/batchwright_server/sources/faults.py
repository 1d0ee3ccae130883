"""What goes wrong with a store, as one sentence: from the errors of many libraries."""

import errno
import re
from collections.abc import Iterator
from enum import StrEnum

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_METADATA_SERVICE = re.compile(
    r"169\.254\.169\.254|169\.254\.170\.|metadata\.google\.internal|/computeMetadata/|TokenRequest"
)
_NO_ACCOUNT = re.compile(r"MissingAccount|Account must be")
_UNREADABLE = re.compile(
    r"InvalidAccessKey|DecodeKey|DecodeCredentials|InvalidKey|MissingKey|MissingSasComponent|UTF8"
)
_DENIED = frozenset({"PermissionDeniedError", "UnauthenticatedError"})
_CERTIFICATE = re.compile(r"[Cc]ertificate|UnknownIssuer|NotValidForName")
_DETAIL = re.compile(
    r"dns error|name or service not known|no address associated|connection ?refused|connection ?reset|"
    r"(?<!_)timed ?out|incomplete ?message|network is unreachable",
    re.IGNORECASE,
)
_LIBRARIES = frozenset({"aiohttp", "fsspec", "obstore", "_obstore", "ssl"})
_TRANSIENT_STATUSES = frozenset({408, 425, 429})


class FetchFailed(Exception):
    """Files that cannot be had; the message says why and what to do. Trying again is of no use."""


class Unreachable(FetchFailed):
    """… for now: trying again may help."""


class _Kind(StrEnum):
    MISSING = "missing"
    DENIED = "denied"
    NO_CREDENTIALS = "no credentials"
    NO_IDENTITY = "no identity"
    UNREADABLE = "unreadable"
    CERTIFICATE = "certificate"
    NO_SPACE = "no space"
    BUSY = "busy"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


_SENTENCES = {
    _Kind.MISSING: "nothing is there{told}: check the bucket and the path",
    _Kind.DENIED: "access is denied{told}: check the credentials in the Secret, and that they "
    "may list and read it",
    _Kind.NO_CREDENTIALS: "no credentials are there for it: name a Secret with them in "
    "access.credentialsSecretName, or set access.anonymous if anybody may read it",
    _Kind.NO_IDENTITY: "no credentials are there for it, and the cloud's metadata service, where pods "
    "get theirs, does not answer{told}: name a Secret in access.credentialsSecretName, set "
    "access.anonymous if anybody may read it, or let the pods' network go there",
    _Kind.UNREADABLE: "the credentials in the Secret cannot be read: check that they are as the cloud "
    "gave them, each whole and under its own name",
    _Kind.CERTIFICATE: "its certificate is not trusted: name the authority that signed it in "
    "access.caConfigMap",
    _Kind.NO_SPACE: "the volume is full: raise modelCache.sizeLimit, or enlarge the claim",
    _Kind.BUSY: "the server is not able to answer{told}",
    _Kind.REFUSED: "the server refuses it{told}: check the address",
    _Kind.UNREACHABLE: "it cannot be reached{told}: check its address, and that the pods' network "
    "lets them go there",
}
# On GKE the metadata service comes up some seconds after the pod.
_PASSING = frozenset({_Kind.BUSY, _Kind.UNREACHABLE, _Kind.NO_IDENTITY})
_WITH_DETAIL = frozenset({_Kind.UNREACHABLE, _Kind.NO_IDENTITY})


def is_told(error: BaseException) -> bool:
    """Whether an error is one by which a store, or the volume, says that something failed."""
    is_theirs = type(error).__module__.partition(".")[0] in _LIBRARIES
    return is_theirs or isinstance(error, FetchFailed | OSError | EOFError)


def translate(error: BaseException) -> FetchFailed:
    """What an error of a store's library means; nothing of its own text but a status and a code."""
    if isinstance(error, FetchFailed):
        return error
    kind = _classify(error)
    parts = (_status(error), _code(error), _detail(error) if kind in _WITH_DETAIL else "")
    told = ", ".join(str(part) for part in parts if part)
    sentence = _SENTENCES[kind].format(told=f" ({told})" if told else "")
    return Unreachable(sentence) if kind in _PASSING else FetchFailed(sentence)


def _classify(error: BaseException) -> _Kind:
    chain = list(_chain(error))
    text = " ".join(str(item) for item in chain)
    if any(isinstance(item, OSError) and item.errno in (errno.ENOSPC, errno.EDQUOT) for item in chain):
        return _Kind.NO_SPACE
    status = _status(error)
    if (kind := _of_credentials(text, status)) is not None:
        return kind
    if status is not None:
        return _of_status(status)
    names = {type(item).__name__ for item in chain}
    if names & _DENIED or isinstance(error, PermissionError):
        return _Kind.DENIED
    if any("Certificate" in name for name in names) or _CERTIFICATE.search(text):
        return _Kind.CERTIFICATE
    if "InvalidPathError" in names:
        return _Kind.REFUSED
    if len(chain) == 1 and isinstance(error, FileNotFoundError | NotADirectoryError):
        return _Kind.MISSING
    return _Kind.UNREACHABLE


def _of_credentials(text: str, status: int | None) -> _Kind | None:
    """What is wrong with credentials before the store itself is asked; None if nothing is."""
    if _UNREADABLE.search(text):
        return _Kind.UNREADABLE
    if _NO_ACCOUNT.search(text):
        return _Kind.NO_CREDENTIALS
    if _METADATA_SERVICE.search(text):
        is_final = status is not None and _of_status(status) not in _PASSING
        return _Kind.NO_CREDENTIALS if is_final else _Kind.NO_IDENTITY
    return None


def _of_status(status: int) -> _Kind:
    if status in (401, 403):
        return _Kind.DENIED
    if status in (404, 410):
        return _Kind.MISSING
    if status >= 500 or status in _TRANSIENT_STATUSES:
        return _Kind.BUSY
    return _Kind.REFUSED


def _status(error: BaseException) -> int | None:
    for item in _chain(error):
        given = getattr(item, "status", None)
        if isinstance(given, int) and 300 <= given < 600:
            return given
        if match := _STATUS.search(str(item)):
            return int(match[1])
    return None


def _code(error: BaseException) -> str:
    found = (_CODE.search(str(item)) for item in _chain(error))
    return next((match[1] for match in found if match), "")


def _detail(error: BaseException) -> str:
    found = (_DETAIL.search(repr(item) + str(item)) for item in _chain(error))
    return next((_spaced(match[0]) for match in found if match), "")


def _spaced(text: str) -> str:
    """`ConnectionRefused` as `connection refused`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__
