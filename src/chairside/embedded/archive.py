"""One file that holds several, is a plain tar to everyone, and shows any change to any of its bytes.

It is written and read in one pass, so that it can go through a pipe. The last member, SHA256, holds the digest of every
byte before it; the rest after that is fixed. So `head -c -2048 FILE | sha256sum` and `tar -xOf FILE SHA256` agree for a
whole file, also without Chairside. Long contents are cut into members, NAME, NAME.000001 and so on, in order:
`tar -xOf FILE --wildcards 'NAME*'` joins them.
"""

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

MANIFEST, _DIGEST = "manifest.json", "SHA256"
_FORMAT, _VERSION, _READABLE = "chairside-backup", 2, (1, 2)  # version 1 had one member for each content
_BLOCK = tarfile.BLOCKSIZE
_TAIL = 4 * _BLOCK  # the digest's header and content, and the two empty blocks that end a tar
_PIECE = 1 << 20
_PART = 16 << 20  # a member's size stands before it, so that much is held in memory
_NUMBERED = len(".000000")


class DamagedError(Exception):
    """The fault of an archive, as the end of a sentence."""


def archived(contents: Iterable[tuple[str, Iterable[bytes]]], about: Mapping[str, str]) -> Iterator[bytes]:
    """Yields the bytes of an archive of these contents, with its manifest and digest."""
    digest, members = hashlib.sha256(), {}
    for name, pieces in contents:
        for number, part in enumerate(_parts(pieces)):
            member = f"{name}.{number:06}" if number else name
            members[member] = {"size": len(part), "sha256": hashlib.sha256(part).hexdigest()}
            whole = _member(member, part)
            digest.update(whole)
            yield whole
    manifest = json.dumps({"format": _FORMAT, "version": _VERSION, "about": dict(about), "members": members}, indent=1)
    whole = _member(MANIFEST, manifest.encode())
    digest.update(whole)
    yield whole
    yield _tail(digest.hexdigest())


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the content in parts of one size, the last one shorter; an empty content is one empty part."""
    held, first = bytearray(), True
    for piece in pieces:
        held += piece
        while len(held) >= _PART:
            yield bytes(held[:_PART])
            del held[:_PART]
            first = False
    if held or first:
        yield bytes(held)


def _member(name: str, content: bytes) -> bytes:
    return _header(name, len(content)) + content + bytes(-len(content) % _BLOCK)


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)


def _tail(digest: str) -> bytes:
    content = digest.encode() + b"\n"
    return (_header(_DIGEST, len(content)) + content).ljust(_TAIL, b"\0")


class Reading:
    """One pass through an archive. `about` and `digest` are known once `pieces` has ended without a DamagedError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._whole = hashlib.sha256()
        self._members: dict[str, dict[str, object]] = {}
        self.about: dict[str, str] = {}

    @property
    def digest(self) -> str:
        return self._whole.hexdigest()

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        """Yields every content by name, a piece at a time; the parts of a long one bear its own name."""
        manifest, known = bytearray(), ""
        while True:
            header = self._exactly(_BLOCK)
            name, size = _entry(header)
            if name == _DIGEST:
                break
            self._whole.update(header)
            if not _continues(known, name):
                known = name
            for piece in self._content(name, size):
                if name == MANIFEST:
                    manifest += piece
                else:
                    yield known, piece
        if header + self._file.read(_TAIL - _BLOCK + 1) != _tail(self.digest):
            raise DamagedError("it is not a whole Chairside backup, or some of its bytes have changed")
        self.about = _agreed(bytes(manifest), self._members)

    def _content(self, name: str, size: int) -> Iterator[bytes]:
        left, digest = size, hashlib.sha256()
        if not size and name != MANIFEST:
            yield b""  # an empty content is there too
        while left > 0:
            piece = self._exactly(min(left, _PIECE))
            left -= len(piece)
            digest.update(piece)
            self._whole.update(piece)
            yield piece
        self._whole.update(self._exactly(-size % _BLOCK))
        if name != MANIFEST:
            self._members[name] = {"size": size, "sha256": digest.hexdigest()}

    def _exactly(self, size: int) -> bytes:
        piece = self._file.read(size)
        if len(piece) != size:
            raise DamagedError("it is not a whole Chairside backup: it ends too early")
        return piece


def _continues(known: str, name: str) -> bool:
    return bool(known) and name[:-_NUMBERED] == known and name[-_NUMBERED] == "." and name[1 - _NUMBERED :].isdecimal()


def _entry(header: bytes) -> tuple[str, int]:
    """Name and size of a member whose header is one that `_header` writes."""
    try:
        entry = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        if _header(entry.name, entry.size) == header:
            return entry.name, entry.size
    except (tarfile.TarError, ValueError):
        pass
    raise DamagedError("it is not a whole Chairside backup, or some of its bytes have changed")


def _agreed(manifest: bytes, members: Mapping[str, Any]) -> dict[str, str]:
    if not manifest:
        raise DamagedError("it has no manifest")
    try:
        said = json.loads(manifest)
        form, version, named = said["format"], said["version"], said["members"]
        about = {str(key): str(value) for key, value in said["about"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError("its manifest cannot be read") from error
    if form != _FORMAT or version not in _READABLE:
        raise DamagedError("it is of a kind that this version of Chairside does not know")
    if named != members:
        raise DamagedError("its members are not those that its manifest names")
    return about
