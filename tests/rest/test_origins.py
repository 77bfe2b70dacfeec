"""The source address of a request is the one that the last trusted hop saw."""

from __future__ import annotations

from typing import Any

import pytest

from chairside.rest.origins import origin_of
from chairside.settings import SettingFault, from_environment

PROXIES = "10.0.0.0/8,2001:db8::/32,192.0.2.4"


def source(peer: str | None, *forwarded: str, trusted: str = PROXIES) -> str | None:
    settings = from_environment({"CHAIRSIDE_TRUSTED_PROXIES": trusted})
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"client": (peer, 4711) if peer else None, "headers": headers}
    return origin_of(scope, settings.trusted_proxies).address


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", (), "198.51.100.1"),
        ("198.51.100.1", ("203.0.113.7",), "198.51.100.1"),
        ("10.1.2.3", ("203.0.113.7",), "203.0.113.7"),
        ("10.1.2.3", ("6.6.6.6, 203.0.113.7",), "203.0.113.7"),
        ("10.1.2.3", ("6.6.6.6, 203.0.113.7, 192.0.2.4",), "203.0.113.7"),
        ("10.1.2.3", ("6.6.6.6", "203.0.113.7, 10.9.9.9"), "203.0.113.7"),
        ("10.1.2.3", ("203.0.113.7:51234",), "203.0.113.7"),
        ("10.1.2.3", ("[2001:db9::1]:443",), "2001:db9::1"),
        ("::ffff:10.1.2.3", ("203.0.113.7",), "203.0.113.7"),
        ("10.1.2.3", (), "10.1.2.3"),
        ("10.1.2.3", ("unknown",), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.7, nonsense",), "10.1.2.3"),
        ("10.1.2.3", ("10.7.7.7",), "10.7.7.7"),
        ("2001:db8::9", ("203.0.113.7",), "203.0.113.7"),
        (None, ("203.0.113.7",), None),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str | None, forwarded: tuple[str, ...], expected: str | None) -> None:
    """From the right, past every trusted address, to the first that is none."""
    assert source(peer, *forwarded) == expected


def test_no_proxy_is_trusted_unless_it_is_named() -> None:
    """A client's own address is kept, even when it claims another."""
    assert source("127.0.0.1", "203.0.113.7", trusted="") == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["proxy.example.org", "10.0.0.0/99", "10.0.0.1,", "10.0.0.1/8"])
def test_a_setting_that_is_no_network_is_refused(wrong: str) -> None:
    """At the start, naming the variable."""
    with pytest.raises(SettingFault, match="CHAIRSIDE_TRUSTED_PROXIES"):
        from_environment({"CHAIRSIDE_TRUSTED_PROXIES": wrong})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"curl/8.5.0", "curl/8.5.0"),
        (b"a\x1b[31mred\x07", "a?[31mred?"),
        ("Präxis\u202e".encode(), "Pr?xis?"),
        (b"", None),
        (b"x" * 999, "x" * 200),
    ],
)
def test_a_user_agent_is_bounded_and_printable(sent: bytes, kept: str | None) -> None:
    """Printable ASCII, up to 200 characters."""
    assert origin_of({"client": None, "headers": [(b"user-agent", sent)]}, ()).agent == kept
