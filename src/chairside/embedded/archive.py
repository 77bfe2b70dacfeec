"""One file that holds several, is a plain tar to everyone, and shows any change to any of its bytes.

The last member, SHA256, holds the digest of every byte before it; what follows it is fixed. So
`head -c -2048 FILE | sha256sum` and `tar -xOf FILE SHA256` agree for a whole file, also without Chairside.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

MANIFEST, _DIGEST = "manifest.json", "SHA256"
_FORMAT = {"format": "chairside-backup", "version": 1}
_BLOCK = tarfile.BLOCKSIZE
_TAIL = 4 * _BLOCK  # the digest's header and content, and the two empty blocks that end a tar
_PIECE = 1 << 20


class DamagedError(Exception):
    """What is wrong with an archive, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member's content lies, its size in bytes, and its SHA-256 in hexadecimal."""

    offset: int
    size: int
    sha256: str


def write_archive(file: BinaryIO, contents: Iterable[tuple[str, Iterable[bytes]]], about: Mapping[str, str]) -> None:
    """Write these members, the manifest and the digest into an empty file open for reading and writing."""
    members = {name: _write_member(file, name, pieces) for name, pieces in contents}
    described = {name: {"size": member.size, "sha256": member.sha256} for name, member in members.items()}
    manifest = json.dumps({**_FORMAT, "about": dict(about), "members": described}, indent=1)
    _write_member(file, MANIFEST, [manifest.encode()])
    end = file.tell()
    file.seek(0)
    tail = _tail(_digest(_pieces(file, end)))
    file.write(tail)


def _write_member(file: BinaryIO, name: str, pieces: Iterable[bytes]) -> Member:
    """Its size is known only at its end, so its header is written last."""
    header = file.tell()
    file.seek(_BLOCK, os.SEEK_CUR)
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += file.write(piece)
        digest.update(piece)
    file.write(bytes(-size % _BLOCK))
    end = file.tell()
    file.seek(header)
    file.write(_header(name, size))
    file.seek(end)
    return Member(header + _BLOCK, size, digest.hexdigest())


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)


def _tail(digest: str) -> bytes:
    content = digest.encode() + b"\n"
    return (_header(_DIGEST, len(content)) + content).ljust(_TAIL, b"\0")


def read_archive(file: BinaryIO) -> tuple[dict[str, Member], dict[str, str]]:
    """The members by name and what the archive says about itself, once every byte was checked."""
    end = file.seek(0, os.SEEK_END) - _TAIL
    if end < 0:
        raise DamagedError("it is not a whole Chairside backup")
    file.seek(0)
    expected = _tail(_digest(_pieces(file, end)))
    if file.read() != expected:
        raise DamagedError("it is not a whole Chairside backup, or some of its bytes have changed")
    members = _members(file)
    manifest = members.pop(MANIFEST, None)
    members.pop(_DIGEST, None)
    if manifest is None:
        raise DamagedError("it has no manifest")
    return members, _agreed(file, manifest, members)


def _members(file: BinaryIO) -> dict[str, Member]:
    found = {}
    try:
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            entries = tar.getmembers()
    except tarfile.TarError as error:
        raise DamagedError("it is no tar file") from error
    for entry in entries:
        file.seek(entry.offset_data)
        found[entry.name] = Member(entry.offset_data, entry.size, _digest(_pieces(file, entry.size)))
    return found


def _agreed(file: BinaryIO, manifest: Member, members: Mapping[str, Member]) -> dict[str, str]:
    try:
        said = json.loads(b"".join(content(file, manifest)))
        form = {name: said[name] for name in _FORMAT}
        about, named = {str(key): str(value) for key, value in said["about"].items()}, said["members"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError("its manifest cannot be read") from error
    if form != _FORMAT:
        raise DamagedError("it is of a kind that this version of Chairside does not know")
    if named != {name: {"size": member.size, "sha256": member.sha256} for name, member in members.items()}:
        raise DamagedError("its members are not those that its manifest names")
    return about


def content(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """A member's bytes, a piece at a time."""
    file.seek(member.offset)
    yield from _pieces(file, member.size)


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = file.read(min(size, _PIECE))
        if not piece:
            raise DamagedError("it ends too early")
        size -= len(piece)
        yield piece


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
