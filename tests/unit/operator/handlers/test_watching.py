"""What kopf is told, before it is started."""

import asyncio
from itertools import islice

import kopf

from batchwright_operator.handlers.credentials import Credentials, to_connection_info
from batchwright_operator.handlers.watching import Watch, end_tasks, make_settings

PODS = Watch("Pod", "", "v1", "pods", "app=x")
OURS = Watch("ModelServer", "batchwright.dev", "v1alpha1", "modelservers")


def resource(group: str, version: str, plural: str) -> kopf.Resource:
    return kopf.Resource(group=group, version=version, plural=plural, namespaced=True)


def test_kopf_is_given_nothing_to_write_and_nothing_to_look_for() -> None:
    """No events, no peers, no scans, and a finalizer that no object has."""
    settings = make_settings((PODS, OURS))
    assert not settings.posting.enabled
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert settings.persistence.finalizer.startswith("batchwright.dev/")
    body = kopf.Body({"metadata": {"name": "a", "annotations": {"b": "c"}}, "spec": {"d": 1}})
    compared = settings.persistence.diffbase_storage
    assert (compared.fetch(body=body), compared.build(body=body)) == (None, {})


def test_requests_are_tried_again_without_an_end() -> None:
    """However long the API server is away; and never more than 8 s apart."""
    backoffs = make_settings(()).networking.error_backoffs
    assert not isinstance(backoffs, float)
    delays = list(islice(backoffs, 1000))
    assert len(delays) == 1000
    assert max(delays) == 8.0


async def test_a_task_that_swallows_its_end_is_ended_again() -> None:
    """As kopf's watcher does whose connection closes while it is cancelled: the watch begins anew."""

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    await asyncio.wait_for(end_tasks({task}), timeout=20)

    assert task.cancelled()


def test_only_objects_that_fit_are_asked_for() -> None:
    """The selector goes to the API server, for its kind alone."""
    selectors = make_settings((PODS, OURS)).watching.label_selectors
    assert list(selectors.collect(resource("", "v1", "pods"))) == ["app=x"]
    assert list(selectors.collect(resource("metrics.k8s.io", "v1", "pods"))) == []
    assert list(selectors.collect(resource("batchwright.dev", "v1alpha1", "modelservers"))) == []


def test_credentials_are_said_in_words_of_kopf() -> None:
    """A token, or a certificate, and whether the server's is verified."""
    by_token = to_connection_info(Credentials("https://x", authorization="Bearer abc", ca_path="/ca"))
    assert by_token.as_http_headers() == {"Authorization": "Bearer abc"}
    assert (by_token.ca_path, by_token.insecure) == ("/ca", False)
    by_certificate = to_connection_info(
        Credentials("https://x", certificate_path="/c", key_path="/k", is_verified=False)
    )
    assert by_certificate.as_http_headers() == {}
    assert (by_certificate.certificate_path, by_certificate.insecure) == ("/c", True)
