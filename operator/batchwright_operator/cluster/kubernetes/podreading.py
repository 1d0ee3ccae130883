"""A Pod of the API server as the controller sees it."""

from collections.abc import Iterable, Mapping
from typing import Any

from batchwright_operator.reconcile.observed import Phase, Pod
from batchwright_operator.render import names

_ADMIN_PORT = "admin"
_UNDER_WAY = ("ContainerCreating", "PodInitializing")  # waits that are no failures, whatever they say


def read_pod(raw: names.Manifest, ready_restarts: int | None = None) -> Pod:
    """One pod. `ready_restarts`: how often it had been restarted when it was last seen ready."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    server = _named(status.get("containerStatuses") or (), names.SERVER_CONTAINER)
    ready = _condition(status, "Ready").get("status") == "True"
    restarts = int(server.get("restartCount") or 0)
    return Pod(
        name=str(metadata["name"]),
        ip=str(status.get("podIP") or ""),
        phase=_phase(raw, server),
        admin_port=_admin_port(raw),
        template=str((metadata.get("annotations") or {}).get(names.TEMPLATE_HASH, "")),
        ready=ready,
        restarts=restarts,
        failed_starts=0 if ready else _failed_starts(status, server, ready_restarts),
        reason=_reason(status, server),
        unfetched=_unfetched(status),
    )


def _phase(raw: names.Manifest, server: Mapping[str, Any]) -> Phase:
    if raw["metadata"].get("deletionTimestamp"):
        return Phase.TERMINATING
    phase = (raw.get("status") or {}).get("phase")
    if phase in ("Failed", "Succeeded"):
        return Phase.FAILED
    # A pod goes on "Running" while its container waits to be started again.
    return Phase.RUNNING if phase == "Running" and "running" in _state(server) else Phase.PENDING


def _failed_starts(
    status: Mapping[str, Any], server: Mapping[str, Any], ready_restarts: int | None
) -> int:
    restarts = int(server.get("restartCount") or 0)
    deaths = restarts + ("terminated" in _state(server))
    if ready_restarts is not None:
        return max(0, deaths - ready_restarts - 1)  # the first death after it was ready is none
    died = (server.get("lastState") or {}).get("terminated") or _state(server).get("terminated") or {}
    unready_since = _condition(status, "ContainersReady").get("lastTransitionTime") or ""
    # Nobody saw it ready: was what died last started after the pod had ceased to be?
    return deaths if str(died.get("startedAt") or "") >= str(unready_since) else 0


def _unfetched(status: Mapping[str, Any]) -> str:
    """What the fetching of a model's files said last, if it failed and has not succeeded since."""
    for step in status.get("initContainerStatuses") or ():
        if str(step.get("name")).startswith(f"{names.FETCH_CONTAINER}-"):
            last = (step.get("lastState") or {}).get("terminated") or {}
            died = _state(step).get("terminated") or last
            if died.get("exitCode"):
                message = str(died.get("message") or "").strip()
                return message or f"{step['name']}: {_death(died)}"
            waiting = _state(step).get("waiting") or {}
            if waiting.get("message") and waiting.get("reason") not in _UNDER_WAY:
                # no Secret of that name, no image
                return f"{step['name']}: {_words(waiting)}"
    return ""


def _reason(status: Mapping[str, Any], server: Mapping[str, Any]) -> str:
    """Why it does not run or did not, in the words of who knows best."""
    state, last = _state(server), (server.get("lastState") or {}).get("terminated") or {}
    waiting = state.get("waiting") or {}
    died = _death(state.get("terminated") or last)
    if "running" in state:
        return died
    unscheduled = _condition(status, "PodScheduled")
    if unscheduled.get("status") == "False":
        return _words(unscheduled)
    if waiting.get("reason") == "CrashLoopBackOff" and died:
        return died
    return _words(waiting) or died or _words(status)


def _death(terminated: Mapping[str, Any]) -> str:
    if not terminated:
        return ""
    how = f"exit code {terminated.get('exitCode')}"
    cause = terminated.get("reason")
    named = f"{how} ({cause})" if cause not in (None, "", "Error", "Completed") else how
    lines = str(terminated.get("message") or "").strip().splitlines()
    return f"{named}: {lines[-1]}" if lines else named


def _words(told: Mapping[str, Any]) -> str:
    return ": ".join(str(told[key]) for key in ("reason", "message") if told.get(key))


def _state(server: Mapping[str, Any]) -> Mapping[str, Any]:
    return server.get("state") or {}


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = (item for item in status.get("conditions") or () if item.get("type") == kind)
    return next(found, {})


def _admin_port(raw: names.Manifest) -> int:
    containers = (raw.get("spec") or {}).get("containers") or ()
    ports = _named(containers, names.SERVER_CONTAINER).get("ports") or ()
    return int(_named(ports, _ADMIN_PORT).get("containerPort") or Pod.admin_port)


def _named(items: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((item for item in items if item.get("name") == name), {})
