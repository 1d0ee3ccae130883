"""Where the page listens, and who may ask."""

import pytest

from batchwright_operator.local.page.address import PageAddress


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080),
        ("0", "127.0.0.1", 0),
        ("192.0.2.1:8080", "192.0.2.1", 8080),
        ("[::1]:80", "::1", 80),
        ("localhost:1", "localhost", 1),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    """Without a host it is this machine alone."""
    assert PageAddress.parse(text) == PageAddress(host, port)


@pytest.mark.parametrize("text", ["", "x", "-1", "65536", ":80", "host:", "host:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """The message says what was expected, and what came."""
    with pytest.raises(ValueError, match="expected PORT or HOST:PORT"):
        PageAddress.parse(text)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.0.0.1", "[::1]"]
)
def test_own_names_are_admitted(host: str) -> None:
    """A browser on this machine may use any of this machine's names."""
    assert PageAddress("127.0.0.1", 8080).admits(host)


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "evil.example", "127.0.0.1.evil.example:8080", ""]
)
def test_other_names_are_not(host: str) -> None:
    """A site that points its own name at this machine does not get to read the page."""
    assert not PageAddress("127.0.0.1", 8080).admits(host)
    assert PageAddress("192.0.2.1", 8080).admits(host)


def test_addresses_to_open() -> None:
    """IPv6 has its brackets."""
    assert PageAddress("::1", 0).url(81) == "http://[::1]:81/"
    assert str(PageAddress("127.0.0.1", 80)) == "127.0.0.1:80"
