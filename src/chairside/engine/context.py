"""Who asks, and what is known of one request before it is answered."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chairside.engine.answers import View

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user of an org, by the token that was shown. A portal caller is bound to one patient; `source` is the origin
    that the token was made to name in communication logs, if any. `version_base` is what the org's epoch adds to stored
    versions. A caller with `networks` may ask from there only."""

    org_id: str
    user_id: str
    token_id: str
    name: str
    number: int
    role: str
    patient_id: str | None = None
    region: str = "US"
    source: str | None = None
    version_base: int = 0
    networks: tuple[Network, ...] = ()

    @property
    def portal(self) -> bool:
        return self.role == "portal"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `marks` recognize method, path and body; `status` is what success will answer, or `status_known`
    when the caller has an ETag that is `known` to them (None: any) already, or `status_guessed` to too many guesses;
    `reveals` says that it asks for a sealed value whole. `client_id` stands for token, address and user agent, `query`
    is what the audit record keeps of the parameters, `charts` says whether the caller may read charts, `may_reveal`
    whether sealed values whole."""

    caller: Caller
    request_id: str
    method: str
    route: str
    path: str
    status: int
    now: datetime
    key: str | None = None
    marks: tuple[bytes, ...] = ()
    if_match: tuple[int, ...] | None = None
    known: tuple[str, ...] | None = ()
    status_known: int = 0
    status_guessed: int = 0
    patient_id: str | None = None
    record_id: str | None = None
    reveals: bool = False
    client_id: str | None = None
    query: str | None = None
    charts: bool = True
    may_reveal: bool = True

    @property
    def view(self) -> View:
        """The part of each record that this caller sees."""
        if self.caller.portal:
            return View.PORTAL
        return View.WHOLE if self.charts else View.WITHOUT_CHART
