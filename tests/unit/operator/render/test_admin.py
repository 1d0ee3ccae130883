"""The admin port, and the tokens that it takes."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render import admin
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import parse_document
from tests.support.modelservers import make_server, server_document


def with_uid(uid: str) -> ModelServer:
    """A ModelServer as a cluster has it."""
    document = server_document()
    document["metadata"] |= {"uid": uid, "namespace": "here"}
    return ModelServer.model_validate(document)


def test_a_token_is_of_one_object() -> None:
    """A later object of the same name has another, and so has every other key."""
    expected = hmac.new(b"key", b"here/vision/1", hashlib.sha256).hexdigest()
    assert admin.derive_token(b"key", with_uid("1")) == expected
    assert admin.derive_token(b"key", with_uid("2")) != expected
    assert admin.derive_token(b"other", with_uid("1")) != expected


def test_the_document_knows_all_tokens_by_their_hashes() -> None:
    """So that keys can be rotated, and that whoever reads the document learns no token."""
    settings = Settings(admin_keys=(b"new", b"old"))
    document = render_bundle(with_uid("1"), settings, {}).document
    block = parse_document(document).admin
    tokens = admin.derive_tokens(settings, with_uid("1"))
    assert tokens == tuple(admin.derive_token(key, with_uid("1")) for key in (b"new", b"old"))
    assert block is not None
    assert all(block.is_known(token.encode()) for token in tokens)
    assert len(block.token_sha256) == 2
    assert not any(token.encode() in document for token in tokens)


def test_without_keys_there_are_no_tokens() -> None:
    """The block is left out."""
    assert b"admin" not in render_bundle(with_uid("1"), Settings(), {}).document


@given(st.integers(1, 65535), st.integers(1, 65535), st.integers(1, 65535))
def test_the_admin_port_is_no_clients(wanted: int, grpc: int, http: int) -> None:
    """It is the one that is set, unless clients have it."""
    if grpc == http:
        return
    server = make_server(service={"grpcPort": grpc, "httpPort": http})
    port = admin.choose_port(server, Settings(admin_port=wanted))
    assert port is not None
    assert 1 <= port <= 65535
    assert port not in (grpc, http)
    assert port == wanted or wanted in (grpc, http)


@pytest.mark.parametrize(
    ("settings", "tls", "port", "scheme"),
    [
        (Settings(), None, "admin", None),
        (Settings(), {"secretName": "x"}, "admin", "HTTPS"),
        (Settings(admin_port=None), None, "http", None),
    ],
)
def test_probes_ask_where_no_client_is(
    settings: Settings, tls: dict[str, str] | None, port: str, scheme: str | None
) -> None:
    """At the admin port, which speaks TLS where clients do, and never asks who is there."""
    pods = render_bundle(make_server(tls=tls), settings, {}).deployment["spec"]["template"]["spec"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = pods["containers"][0][probe]["httpGet"]
        assert (get["port"], get.get("scheme")) == (port, scheme)
