"""The keys of the audit trail: the newest makes MACs and signatures, the older ones are kept to verify theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from chairside.engine.chain import FORMAT, OLDEST_FORMAT, AuditKey, Signed, moment

# A server that shares the database may get the new key file so much later than this one.
OVERLAP = timedelta(hours=1)
Seal = tuple[bytes, int | None, int | None]  # a MAC, its format and the number of its key; null in format 1


@dataclass(frozen=True)
class AuditKeys:
    """All keys of a server's trail by number, which begins with 1; never empty."""

    keys: Sequence[AuditKey]

    @cached_property
    def newest(self) -> AuditKey:
        return self.keys[-1]

    def seal(self, row: Sequence[object]) -> Seal:
        """Returns what stands behind the other columns of a record: every column that its MAC covers."""
        return self.newest.mac(row), FORMAT, self.newest.number

    def holds(self, record: Sequence[object], sealed: Seal) -> bool:
        """Whether a record, with its time as text, is as this server made it, with a key in use at that time."""
        mac, form, number = sealed
        key = self.numbered(number)
        if key is None or self.retired(key.number, str(record[2])):
            return False
        return mac == (key.mac_of_first_format(record) if (form or OLDEST_FORMAT) == OLDEST_FORMAT else key.mac(record))

    def numbered(self, number: int | None) -> AuditKey | None:
        """Returns the key of a number, of format 1 without one; None for a key that this server does not have."""
        place = (number or 1) - 1
        return self.keys[place] if 0 <= place < len(self.keys) else None

    def retired(self, number: int, at: str) -> bool:
        """Whether a later key had long taken the place of this one at a time."""
        return number < len(self.keys) and at > moment(self.keys[number].since + OVERLAP)

    def may_precede(self, org_id: str, at: str) -> bool:
        """Whether a record may be from before there was any key."""
        return self.keys[0].may_precede(org_id, at)

    def client_ids(self, row: Sequence[object]) -> list[str]:
        """Returns the ids that a client may have, one by each key."""
        return [key.client_id(row) for key in self.keys]

    def signed(self, head: Signed) -> bool:
        """Whether this server signed the head, archive or checkpoint, with a key in use at that time."""
        key = self.numbered(head.key)
        return key is not None and key.signed(head) and not self.retired(head.key, head.sealed_at)

    def public_keys(self) -> str:
        """Returns the public keys in PEM, newest first; where there are several, each below its number and time."""
        if len(self.keys) == 1:
            return self.newest.public_key()
        return "".join(
            f"key {key.number}, since {moment(key.since)}\n{key.public_key()}" for key in reversed(self.keys)
        )


def numbered_keys(secrets: Sequence[tuple[bytes, bytes, datetime]]) -> AuditKeys:
    """Returns the keys of these MAC secrets, signature seeds and times, which are in order of time."""
    return AuditKeys(tuple(AuditKey(*secret, number=number) for number, secret in enumerate(secrets, 1)))
