"""The audit chain as arithmetic: what the MAC of a record, the hash of a link and the signature of a head cover."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAC = 16
# The format of MACs, links and heads that are made now, and of those from before they said their format.
FORMAT, OLDEST_FORMAT = 2, 1
# Ids of callers and operations that a worker has at hand.
NAMES_REMEMBERED = 10_000
NOTHING_BEFORE = b"\0" * 32
# Columns that the MAC of a record covers, and of one from before records named clients and patients.
COVERED, COVERED_AT_FIRST = 19, 15


class Signed(Protocol):
    """The signed statement of a chain's end; its time says which keys may have signed it."""

    @property
    def key(self) -> int: ...

    @property
    def sealed_at(self) -> str: ...

    @property
    def signature(self) -> str: ...

    def signed_text(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of an org's chain as of a moment: enough to tell later that the chain still holds it."""

    org_id: str
    number: int
    hash: str
    sealed_at: str
    signature: str = ""
    format: int = OLDEST_FORMAT
    key: int = 1

    def signed_text(self) -> bytes:
        begins = "chairside audit head" + (f" {self.format}\n{self.key}" if self.format > OLDEST_FORMAT else "")
        return f"{begins}\n{self.org_id}\n{self.number}\n{self.hash}\n{self.sealed_at}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """So many records of an org, sealed in this order after the link before. Times are as `moment` writes them.

    `complete_to` says that every record of an earlier time was sealed when this link was made.
    """

    org_id: str
    number: int
    previous: bytes
    sealed_at: str
    complete_to: str
    ats: Sequence[str]
    ids: Sequence[str]
    macs: bytes
    format: int = OLDEST_FORMAT
    key: int = 1

    def hash(self) -> bytes:
        begins: tuple[object, ...] = ("link", self.format, self.key) if self.format > OLDEST_FORMAT else ()
        fixed = (
            *begins,
            self.org_id,
            self.number,
            self.previous.hex(),
            self.sealed_at,
            self.complete_to,
            len(self.ids),
        )
        return hashlib.sha256(_plain((*fixed, *self.ats, *self.ids, self.macs.hex()))).digest()

    def head(self) -> Head:
        return Head(
            org_id=self.org_id, number=self.number, hash=self.hash().hex(), sealed_at=self.sealed_at,
            format=self.format, key=self.key,
        )  # fmt: skip


@dataclass(frozen=True)
class AuditKey:
    """A key of the trail: makes MACs of records and signs links. Used from `since` on, until the next key is."""

    secret: bytes
    seed: bytes
    since: datetime
    number: int = 1

    def mac(self, row: Sequence[object]) -> bytes:
        """Of a record as it is made: every column of the view audit_records before `mac`, in their order."""
        return hmac.digest(self.secret, self._opening + _plain(row), "sha256")[:MAC]

    @cached_property
    def _opening(self) -> bytes:
        return _plain(("record", FORMAT, self.number)) + b"\0"

    def mac_of_first_format(self, row: Sequence[object]) -> bytes:
        """Of a record from before MACs had a format."""
        return hmac.digest(self.secret, _plain(_covered(row)), "sha256")[:MAC]

    def mac_as_found(self, row: Sequence[object]) -> bytes:
        """Of a record from before the key, as it stood when it was sealed: never equal to one that was made."""
        return hmac.digest(self.secret, b"found " + _plain(_covered(row)), "sha256")[:MAC]

    def client_id(self, row: Sequence[object]) -> str:
        """Of a client: org, token, address, agent. Whoever alters one of these in the database makes it another."""
        return str(UUID(bytes=hmac.digest(self.secret, b"client " + _plain(row), "sha256")[:16]))

    def name(self, *values: object) -> int:
        """Returns the id of a row that audit records name: of its org and its other columns."""
        return _name(self.secret, values)

    def guess_mark(self, org_id: str, patient_id: str, value: str) -> bytes:
        """Recognizes a value that was tried for a patient's sealed one, and tells nothing else of it."""
        return hmac.digest(self.secret, b"guess " + _plain((org_id, patient_id, value)), "sha256")[:8]

    def may_precede(self, org_id: str, at: str) -> bool:
        """Whether a record may be from before the key, by what lies outside the database or cannot be altered in it:
        an org's id begins with the milliseconds of its making (UUID version 7)."""
        since = self.since.timestamp() * 1000
        return at < moment(self.since) and int(org_id[:8] + org_id[9:13], 16) < since

    def sign(self, head: Signed) -> bytes:
        return self._private.sign(head.signed_text())

    def signed(self, head: Signed) -> bool:
        """Whether this server signed the head, the archive or the checkpoint."""
        try:
            self._private.public_key().verify(base64.b64decode(head.signature), head.signed_text())
        except (InvalidSignature, ValueError):
            return False
        return True

    def public_key(self) -> str:
        """What anybody may have, to check signatures with."""
        public: Ed25519PublicKey = self._private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@lru_cache(maxsize=NAMES_REMEMBERED)
def _name(secret: bytes, values: tuple[object, ...]) -> int:
    return int.from_bytes(hmac.digest(secret, b"name " + _plain(values), "sha256")[:8], "big", signed=True)


def _covered(row: Sequence[object]) -> Sequence[object]:
    """A record from before the last columns has none of them, and one made since that lost them reads otherwise."""
    return row if any(value is not None for value in row[COVERED_AT_FIRST:]) else row[:COVERED_AT_FIRST]


def moment(at: datetime) -> str:
    """A UTC time to the microsecond, as queries/chain.sql gives it too."""
    return at.isoformat(timespec="microseconds")


def _plain(values: Iterable[object]) -> bytes:
    """No two lists of values read the same: each is marked as there or missing, and ends with the one character that
    no text in the database can hold."""
    texts = ["=" + value if type(value) is str else "-" if value is None else _marked(value) for value in values]
    return "\0".join(texts).encode()


def _marked(value: object) -> str:
    return f"={moment(value) if isinstance(value, datetime) else value}"
