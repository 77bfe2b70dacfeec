"""Contents of archived files: compressed, encrypted to recipients if wanted, and back."""

import zlib
from collections.abc import Iterable, Iterator

from chairside.embedded.encryption import AGE_MAGIC, Secret, age_library, identities_of, recipient_of
from chairside.embedded.storage import ArchiveFault

_GZIP = 31  # zlib's number for a gzip file with the largest window
_PIECE = 1 << 20
_FAST = 1  # most of a segment that was ended early is zeros, and the rest must not cost a server its processor


def packed(content: bytes, recipients: Iterable[str]) -> bytes:
    """A gzip file, in an age file when there are recipients."""
    small = zlib.compress(content, _FAST, _GZIP)
    listed = [recipient_of(text) for text in recipients]
    return bytes(age_library().encrypt(small, listed)) if listed else small


def unpacked(packed_: bytes, secret: Secret, name: str) -> bytes:
    """The content; ArchiveFault when it is damaged or closed to us."""
    small = _decrypted(packed_, secret, name) if packed_.startswith(AGE_MAGIC) else packed_
    try:
        return zlib.decompress(small, _GZIP)
    except zlib.error:
        raise ArchiveFault(f"The file {name} of the archive is damaged.") from None


def pressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip file, in bounded memory."""
    press = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if out := press.compress(piece):
            yield out
    yield press.flush()


def unpressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip file that comes in pieces; zlib.error when it is damaged."""
    press = zlib.decompressobj(_GZIP)
    for piece in pieces:
        rest = piece
        while rest:
            if out := press.decompress(rest, _PIECE):
                yield out
            rest = press.unconsumed_tail
    yield press.flush()


def _decrypted(content: bytes, secret: Secret, name: str) -> bytes:
    if not secret.identities:
        raise ArchiveFault("The archive is encrypted: name the file of your age key with --identity.")
    try:
        return bytes(age_library().decrypt(content, identities_of(secret.identities)))
    except age_library().DecryptError:
        raise ArchiveFault(f"The file {name} of the archive is not encrypted to this key, or was altered.") from None
