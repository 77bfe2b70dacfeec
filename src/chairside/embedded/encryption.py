"""Encrypts and decrypts backups in the format of age (https://age-encryption.org/v1), in one pass and bounded memory.

For recipients the file is a plain age file. With a passphrase it is a tar of two: `identity.age`, an age key encrypted
with the passphrase (scrypt), and `backup.age`, encrypted to that key. So
`tar -xf FILE && age -d -i identity.age backup.age` opens it without Chairside.
"""

import os
import tarfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from chairside.embedded.archive import DamagedError
from chairside.embedded.errors import EmbeddedError

AGE_MAGIC = b"age-encryption.org/v1\n"
_IDENTITY, _BODY = "identity.age", "backup.age"
_BLOCK = tarfile.BLOCKSIZE
_LARGEST_IDENTITY = 1 << 16
_PIPE_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Secret:
    """The means to encrypt or to decrypt: recipients, the text of an identity file, or a passphrase; never printed."""

    recipients: Sequence[str] = ()
    identities: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


def age_library() -> Any:
    """The library of the format; a worker never encrypts a backup, so it must not load it."""
    import pyrage  # type: ignore[import-untyped]  # noqa: PLC0415 - as said

    return pyrage


def recipient_of(text: str) -> Any:
    """The recipient that a text names; EmbeddedError without the text, which may be a passphrase given by mistake."""
    age = age_library()

    for kind in (age.x25519.Recipient, age.tagpq.Recipient, age.tag.Recipient, age.ssh.Recipient):
        with suppress(age.RecipientError):
            return kind.from_str(text.strip())
    raise EmbeddedError(
        "--encrypt-to takes an age recipient (age1... or an ssh public key), or the word passphrase to ask for one."
    )


def identities_of(text: str) -> list[Any]:
    """The identities of an age identity file, or of an ssh private key."""
    age = age_library()

    try:
        if text.startswith("-----"):
            return [age.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        found = [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (age.IdentityError, ValueError):
        found = []
    if not found:
        raise EmbeddedError("The identity file holds no age identity (AGE-SECRET-KEY-1...) or ssh private key.")
    return found


def write_encrypted(file: BinaryIO, pieces: Iterable[bytes], secret: Secret) -> None:
    """Writes the pieces encrypted into an empty file that can be positioned."""
    age = age_library()

    if not secret.passphrase:
        _encrypt(file, pieces, [recipient_of(text) for text in secret.recipients])
        return
    key = age.x25519.Identity.generate()
    identity = age.passphrase.encrypt(f"{key}\n".encode(), secret.passphrase)
    file.write(_header(_IDENTITY, len(identity)) + identity.ljust(-(-len(identity) // _BLOCK) * _BLOCK, b"\0"))
    start = file.tell()
    file.write(bytes(_BLOCK))
    _encrypt(file, pieces, [key.to_public()])
    size = file.tell() - start - _BLOCK
    file.write(bytes(-size % _BLOCK + 2 * _BLOCK))
    file.seek(start)
    file.write(_header(_BODY, size))  # the size is known only now
    file.seek(0, os.SEEK_END)


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)


def _encrypt(file: BinaryIO, pieces: Iterable[bytes], recipients: list[Any]) -> None:
    age = age_library()

    source = _Pieces(pieces)
    try:
        age.encrypt_io(source, file, recipients)
    except Exception:
        if source.fault:  # the library tells of it as text only
            raise source.fault from None
        raise


class _Pieces:
    """A file to be read once, made of pieces; keeps the exception that making them raised."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = memoryview(b"")
        self.fault: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._held:
                self._held = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as fault:
            self.fault = fault
            raise
        size = len(self._held) if size < 0 else size
        taken, self._held = self._held[:size], self._held[size:]
        return bytes(taken)


def kind_of(path: Path) -> str:
    """Returns "recipients", "passphrase", or "" for a file that is not encrypted."""
    with path.open("rb") as file:
        start = file.read(_BLOCK)
    if start.startswith(AGE_MAGIC):
        return "recipients"
    return "passphrase" if start.startswith(_IDENTITY.encode() + b"\0") else ""


@contextmanager
def opened(path: Path, secret: Secret) -> Iterator[BinaryIO]:
    """The content of a backup file, decrypted when it is encrypted; DamagedError or EmbeddedError when it cannot be."""
    kind = kind_of(path)
    with path.open("rb") as file:
        if not kind:
            yield file
            return
        if kind == "recipients":
            if not secret.identities:
                raise EmbeddedError(f"The backup {path} is encrypted: name the file of your age key with --identity.")
            with _decrypted(file, identities_of(secret.identities), path) as plain:
                yield plain
            return
        if not secret.passphrase:
            raise EmbeddedError(f"The backup {path} is encrypted with a passphrase: give it with --passphrase-file.")
        body = _body(file, secret.passphrase, path)
        with _decrypted(*body, path) as plain:
            yield plain


def _body(file: BinaryIO, passphrase: str, path: Path) -> tuple[BinaryIO, list[Any]]:
    """The encrypted content of a file with a passphrase, and the key that opens it."""
    age = age_library()

    length = _size(file, _IDENTITY, _LARGEST_IDENTITY)
    identity = file.read(length)
    file.read(-length % _BLOCK)
    try:
        key = age.passphrase.decrypt(identity, passphrase).decode()
    except age.DecryptError:
        raise EmbeddedError(f"The passphrase does not open the backup {path}, or the file was altered.") from None
    size = _size(file, _BODY, path.stat().st_size)
    end = file.tell() + size
    rest = path.stat().st_size - end
    if rest != -size % _BLOCK + 2 * _BLOCK:
        raise DamagedError("it is longer or shorter than it says")
    start = file.tell()
    file.seek(end)
    if file.read().strip(b"\0"):
        raise DamagedError("bytes were added to its end")
    file.seek(start)
    return _Limited(file, size), identities_of(key)  # type: ignore[return-value]  # has what is read of a file


def _size(file: BinaryIO, name: str, most: int) -> int:
    header = file.read(_BLOCK)
    try:
        size = tarfile.TarInfo.frombuf(header, "utf-8", "strict").size
    except (tarfile.TarError, ValueError):
        raise DamagedError("it is not a whole encrypted backup") from None
    if header != _header(name, size) or size > most:
        raise DamagedError("it is not a whole encrypted backup")
    return size


class _Limited:
    """The next bytes of a file, as a file of their own."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        taken = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(taken)
        return taken


@contextmanager
def _decrypted(file: BinaryIO, identities: list[Any], path: Path) -> Iterator[BinaryIO]:
    """The library pushes and the reader pulls, so a pipe stands between a thread and the reader."""
    age = age_library()

    receiving, sending = os.pipe()
    faults: list[Exception] = []

    def decrypt() -> None:
        try:
            with os.fdopen(sending, "wb", _PIPE_PIECE) as sink:
                age.decrypt_io(file, sink, identities)
        except Exception as fault:  # noqa: BLE001 - told by the thread that reads
            faults.append(fault)

    thread = threading.Thread(target=decrypt, name="chairside-decrypt", daemon=True)
    thread.start()
    with os.fdopen(receiving, "rb", _PIPE_PIECE) as source:
        try:
            yield _Checked(source, thread, faults, path)  # type: ignore[misc]  # has what is read of a file
        finally:
            source.close()  # a thread that still writes ends with a broken pipe
            thread.join()


class _Checked:
    """A decrypted content: its end is told only when decryption ended well."""

    def __init__(self, source: BinaryIO, thread: threading.Thread, faults: list[Exception], path: Path) -> None:
        self._source, self._thread, self._faults, self._path = source, thread, faults, path

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        if size < 0 or len(piece) < size:
            self._thread.join()
            if self._faults:
                raise self._told(self._faults[0])
        return piece

    def _told(self, fault: Exception) -> Exception:
        if "No matching keys" in str(fault):
            return EmbeddedError(f"The backup {self._path} is not encrypted to this key, or its beginning was altered.")
        return DamagedError("it does not decrypt, so it is cut off or altered")
