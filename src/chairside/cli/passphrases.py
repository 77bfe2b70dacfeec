"""Secrets of encrypted backups as a person gives them: from a file or a terminal, never on the command line."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from chairside.cli.place import Fault
from chairside.embedded.encryption import Secret, kind_of, recipient_of

WORD = "passphrase"


def for_writing(encrypt_to: Sequence[str], passphrase_file: Path | None) -> Secret | None:
    """The secret to encrypt a new backup with; None for one that is not encrypted."""
    recipients = [text for text in encrypt_to if text != WORD]
    if not encrypt_to and passphrase_file is None:
        return None
    if not recipients:
        return Secret(passphrase=_from_file(passphrase_file) if passphrase_file else _asked(twice=True))
    if len(recipients) < len(encrypt_to) or passphrase_file:
        raise Fault("A backup is encrypted to recipients or with a passphrase, not both.")
    for text in recipients:
        recipient_of(text)
    return Secret(recipients=recipients)


def for_reading(backup: Path, identity: Path | None, passphrase_file: Path | None) -> Secret:
    """The secret that a backup needs, asked for on the terminal when it is a passphrase and no file was named."""
    kind = kind_of(backup) if backup.is_file() else ""
    passphrase = _from_file(passphrase_file) if passphrase_file else ""
    if kind == WORD and not passphrase:
        passphrase = _asked(twice=False)
    return Secret(identities=_read(identity) if identity else "", passphrase=passphrase)


def of_identity(identity: Path | None) -> Secret:
    """The secret that an archive needs: a key, because its passphrase would have to lie beside the server."""
    return Secret(identities=_read(identity) if identity else "")


def _from_file(path: Path) -> str:
    """The first line of a file."""
    lines = _read(path).splitlines()
    if not lines or not lines[0]:
        raise Fault(f"The first line of {path} is empty; it must be the passphrase.")
    return lines[0]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as fault:
        raise Fault(f"{path} cannot be read: {fault.strerror}.") from None
    except ValueError:
        raise Fault(f"{path} is not a text file.") from None


def _asked(*, twice: bool) -> str:
    if not sys.stdin.isatty():
        raise Fault("There is no terminal to ask for the passphrase on: give it with --passphrase-file FILE.")
    passphrase = getpass.getpass("Passphrase: ")
    if not passphrase:
        raise Fault("The passphrase is empty.")
    if twice and getpass.getpass("Once more: ") != passphrase:
        raise Fault("The two passphrases differ.")
    return passphrase
