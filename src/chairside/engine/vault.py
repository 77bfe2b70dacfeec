"""Keys kept outside the database, and what is done with them: sealing, blind indexes, cursors."""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chairside.engine.audit_keys import AuditKeys, numbered_keys

NONCE = 12
AUDIT = "audit"
Kept = tuple[bytes, datetime]  # the secret that the audit key is derived from, and since when it is used


class KeyFault(Exception):
    """The key file is missing, damaged, or lacks a key that sealed values need. One sentence for a person."""


class Vault:
    """The keys of one server. The first seals; the others only open, while a rotation is under way.

    File: `{"keys": [{"id": "k1", "key": base64 of 32 bytes}, ...], "audit": {"key", "since", "next": [...]}}`. Its mode
    is 0600; `keys` newest first, `next` the later audit keys, oldest first. A running server notices a changed file
    at its next use of a key. All audit keys stay for good, for the trail of all years is checked with them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] = (0, 0)
        self._keys: dict[str, bytes] = {}
        self._kept: tuple[Kept, ...] = ()
        self._audit: AuditKeys | None = None

    @classmethod
    def create(cls, path: Path) -> Vault:
        _write(path, {"k1": os.urandom(32)}, (_new_audit_key(),))
        return cls(path)

    def keys(self) -> dict[str, bytes]:
        """Keys by id, newest first."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            raise KeyFault(f"The key file {self.path} is missing; without it sealed values cannot be read.") from None
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            if (mode := stat.st_mode & 0o777) & 0o077:
                raise KeyFault(
                    f"The key file {self.path} can be read by others (mode {mode:o}); run `chmod 600 {self.path}`."
                )
            (self._keys, self._kept), self._stamp, self._audit = _read(self.path), stamp, None
        return self._keys

    @property
    def audit(self) -> AuditKeys:
        """The keys that audit records are made, sealed and verified with."""
        kept = self._kept_audit()
        if self._audit is None:
            self._audit = numbered_keys(
                [(derived(secret, b"audit mac"), derived(secret, b"audit signature"), since) for secret, since in kept]
            )
        return self._audit

    @property
    def has_audit_key(self) -> bool:
        self.keys()
        return bool(self._kept)

    def add_audit_key(self) -> None:
        """For a key file from before there was a chain."""
        _write(self.path, self.keys(), (_new_audit_key(),))

    def rotate_audit_key(self) -> int:
        """Adds an audit key, which is used from now on; its number."""
        kept = (*self._kept_audit(), _new_audit_key())
        _write(self.path, self.keys(), kept)
        return len(kept)

    def _kept_audit(self) -> tuple[Kept, ...]:
        self.keys()
        if not self._kept:
            raise KeyFault(f"The key file {self.path} lacks the audit key; `chairside serve` makes it.")
        return self._kept

    def add_key(self) -> str:
        """A new key in front; values sealed under the older ones can still be opened."""
        keys = self.keys()
        name = f"k{max(int(k[1:]) for k in keys) + 1}"
        _write(self.path, {name: os.urandom(32), **keys}, self._kept_audit())
        return name

    def drop_old_keys(self) -> None:
        _write(self.path, dict(list(self.keys().items())[:1]), self._kept_audit())

    def fingerprints(self) -> dict[str, bytes]:
        """What tells, without revealing it, whether a key is the one that a database was used with."""
        secrets = dict(self.keys())
        secrets |= {AUDIT + f"-{number}" * (number > 1): secret for number, (secret, _) in enumerate(self._kept, 1)}
        return {name: derived(key, b"fingerprint")[:16] for name, key in secrets.items()}

    def put_away(self, text: str, about: str, org_id: str) -> tuple[bytes, bytes]:
        """Encrypted text and its blind index, both by one key even when the file changes meanwhile.

        Encrypted is: key id, NUL, nonce, AES-256-GCM ciphertext bound to `about` (org, table, column, row). Under two
        keys the pair could not be rotated, for what tells that a value is of an old key is its seal alone.
        """
        name, key = next(iter(self.keys().items()))
        nonce = os.urandom(NONCE)
        sealed = _cipher(key, b"seal").encrypt(nonce, text.encode(), about.encode())
        return name.encode() + b"\0" + nonce + sealed, _blind(key, org_id, text)

    def open(self, sealed: bytes, about: str) -> str:
        name, _, rest = sealed.partition(b"\0")
        key = self.keys().get(name.decode())
        if key is None:
            raise KeyFault(f"The key file lacks key {name.decode()}, which sealed values need.")
        try:
            return _cipher(key, b"seal").decrypt(rest[:NONCE], rest[NONCE:], about.encode()).decode()
        except InvalidTag:
            raise KeyFault("A sealed value does not open: it was altered, moved, or sealed with another key.") from None

    def blind(self, org_id: str, text: str) -> list[bytes]:
        """Blind indexes of a value, one per key, newest first: equal values of one org have equal indexes."""
        return [_blind(key, org_id, text) for key in self.keys().values()]

    def marks(self, content: bytes) -> tuple[bytes, ...]:
        """What recognizes a content without telling of it: key id and HMAC-SHA256, one per key, newest first."""
        return tuple(
            name.encode() + hmac.digest(derived(key, b"mark"), content, "sha256") for name, key in self.keys().items()
        )

    def write_cursor(self, payload: bytes, about: str) -> str:
        """An opaque token: it holds a sort value, which is patient data, so it is sealed and not just signed."""
        nonce = os.urandom(NONCE)
        key = next(iter(self.keys().values()))
        sealed = nonce + _cipher(key, b"cursor").encrypt(nonce, payload, about.encode())
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read_cursor(self, token: str, about: str) -> bytes | None:
        """The payload, or None for a token that was altered or made for something else."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        for key in self.keys().values():
            try:
                return _cipher(key, b"cursor").decrypt(sealed[:NONCE], sealed[NONCE:], about.encode())
            except (InvalidTag, ValueError):
                continue
        return None


def _blind(key: bytes, org_id: str, text: str) -> bytes:
    return hmac.digest(derived(key, b"blind:" + org_id.encode()), text.encode(), "sha256")[:16]


@lru_cache(maxsize=4096)
def derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose (HKDF-SHA256, RFC 5869), so that no key serves two."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"chairside:" + purpose).derive(key)


@lru_cache(maxsize=64)
def _cipher(key: bytes, purpose: bytes) -> AESGCM:
    return AESGCM(derived(key, purpose))


def _new_audit_key() -> Kept:
    return os.urandom(32), datetime.now(UTC)


def _read(path: Path) -> tuple[dict[str, bytes], tuple[Kept, ...]]:
    try:
        whole = json.loads(path.read_text())
        keys = {entry["id"]: base64.b64decode(entry["key"], validate=True) for entry in whole["keys"]}
        found = whole.get(AUDIT)
        audit = tuple(
            (base64.b64decode(each["key"], validate=True), datetime.fromisoformat(each["since"]))
            for each in ([found, *found.get("next", [])] if found else [])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFault(f"The key file {path} is damaged.") from None
    if not keys or any(len(key) != 32 for key in (*keys.values(), *(secret for secret, _ in audit))):
        raise KeyFault(f"The key file {path} is damaged.")
    return keys, audit


def _write(path: Path, keys: Mapping[str, bytes], audit: Sequence[Kept]) -> None:
    """Replace the file at once and for good, so that a crash leaves the old or the new one."""
    listed = [{"id": name, "key": base64.b64encode(key).decode()} for name, key in keys.items()]
    first, *later = ({"key": base64.b64encode(secret).decode(), "since": at.isoformat()} for secret, at in audit)
    text = json.dumps({"keys": listed, AUDIT: first | ({"next": later} if later else {})}, indent=1)
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
