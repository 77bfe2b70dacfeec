"""Where a request came from: its source address, past the proxies that are trusted, and its user agent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chairside.engine.clients import Origin
from chairside.engine.context import Network
from chairside.errors import refuse
from chairside.rest.reading import Headers, header

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_AGENT = 200
MOST_HOPS = 20
_UNPRINTABLE = re.compile(r"[^ -~]+")


def origin_of(scope: Mapping[str, Any], trusted: Sequence[Network]) -> Origin:
    """The address nearest to us that no trusted proxy has, and the user agent as printable ASCII, bounded."""
    headers: Headers = scope["headers"]
    client = scope.get("client")
    address = _address(client[0]) if client else None
    if trusted and address is not None and _within(address, trusted):
        address = _beyond(address, headers, trusted)
    sent = header(headers, b"user-agent")
    agent = _UNPRINTABLE.sub("?", sent[0])[:LONGEST_AGENT] if sent else None
    return Origin(str(address) if address is not None else None, agent or None)


def refuse_elsewhere(origin: Origin, networks: Sequence[Network]) -> None:
    """Refused unless the request comes from one of the networks that its token is bound to, if it is."""
    if not networks:
        return
    address = _address(origin.address) if origin.address else None
    if address is None or not _within(address, networks):
        raise refuse("network_not_allowed", "header", "authorization")


def _beyond(peer: Address, headers: Headers, trusted: Sequence[Network]) -> Address:
    """The last address of X-Forwarded-For that is not a trusted proxy's; each proxy appends the one it was asked by.

    What stands before it is the client's own word, so it is not believed.
    """
    hops = ",".join(header(headers, b"x-forwarded-for")).split(",")
    for hop in reversed(hops[-MOST_HOPS:]):
        named = _address(hop.strip())
        if named is None:
            break
        peer = named
        if not _within(named, trusted):
            break
    return peer


def _address(text: str) -> Address | None:
    """An address, alone or with a port as some proxies write it; IPv4 mapped into IPv6 is IPv4."""
    for bare in (text, text.partition("]")[0].removeprefix("["), text.rpartition(":")[0]):
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            continue
        return getattr(address, "ipv4_mapped", None) or address
    return None


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
