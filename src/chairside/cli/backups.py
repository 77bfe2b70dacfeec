"""`chairside backup` and `restore`: everything in one file, and back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chairside import __version__, embedded
from chairside.app import owner_place
from chairside.cli import backup_checks, epochs, passphrases, point_in_time
from chairside.cli.kept_files import held_files, write_restored
from chairside.cli.place import DataDir, Fault, command_name, database, mended, say, settings_for
from chairside.cli.unfinished import begun, marked
from chairside.cli.wording import counted
from chairside.embedded import backup as archive
from chairside.embedded import restoring
from chairside.embedded.encryption import Secret
from chairside.settings import Settings

MOST_BACKUPS = 3
PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file whose first line is the passphrase.", show_default=False)
]


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
    with_keys: Annotated[
        bool, typer.Option("--keys/--no-keys", help="Put the key file and the demo's token into the backup.")
    ] = True,
    encrypt_to: Annotated[
        list[str] | None,
        typer.Option(
            help="Encrypt to an age recipient (age1... or an ssh public key), several if repeated; or the word"
            " passphrase, to be asked for one.",
            show_default=False,
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write a consistent copy of everything into one file, while the server goes on."""
    settings = settings_for(data_dir)
    with mended():
        secret = passphrases.for_writing(encrypt_to or [], passphrase_file)
    with database(settings):
        about = {
            "made_by": f"chairside {__version__}",
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **asyncio.run(backup_checks.source(settings, with_keys=with_keys)),
        }
        _write_backup(settings, file.absolute(), about, secret, with_keys=with_keys)
    say(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB).")
    if secret:
        say("It is encrypted with the passphrase." if secret.passphrase else _told(len(secret.recipients)))
    elif with_keys:
        say(
            "It holds the encryption key too: keep it as safe as the key, or use --encrypt-to, or --no-keys and keep"
            " the key apart."
        )


def _told(recipients: int) -> str:
    return f"It is encrypted to {counted(recipients, 'recipient')}."


def _write_backup(
    settings: Settings, file: Path, about: Mapping[str, str], secret: Secret | None, *, with_keys: bool
) -> None:
    source = settings.database_url or embedded.endpoint(settings.data_dir)

    def files() -> dict[str, bytes]:
        return held_files(settings, with_keys=with_keys)

    for _ in range(MOST_BACKUPS):
        try:
            archive.write_backup(source, file, files=files, about=about, secret=secret)
        except embedded.ChangedError:
            say("The keys were rotated meanwhile, and the copy may hold values they do not open: making it again.")
        else:
            return
    raise Fault("The keys change all the time; make the backup when their rotation has ended.")


def restore(
    file: Annotated[
        Path | None, typer.Argument(help="A file that `chairside backup` wrote.", show_default=False)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Restore from the archive to a moment, such as 2026-03-01T09:30:00Z, or to the latest.",
            show_default=False,
        ),
    ] = None,
    archive_dir: Annotated[
        Path | None,
        typer.Option("--archive", help="The archive; default is the one of the settings.", show_default=False),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="Your age identity file, for an encrypted backup.", show_default=False)
    ] = None,
    passphrase_file: PassphraseFile = None,
    data_dir: DataDir = None,
) -> None:
    """Bring a backup, or the archive as of a moment, back into an empty data directory.

    A damaged file is refused before anything is touched.
    """
    settings = settings_for(data_dir)
    if (file is None) == (at is None):
        raise Fault("Name a backup FILE to restore, or a moment of the archive with --at TIME.")
    if at is not None:
        with mended():
            point_in_time.restore_at(
                settings, point_in_time.moment_or_latest(at), point_in_time.source_of(settings, archive_dir, identity)
            )
        return
    assert file  # noqa: S101 - as asked above
    with mended():
        secret = passphrases.for_reading(file.absolute(), identity, passphrase_file)
        held = archive.read_backup(file.absolute(), secret)
        backup_checks.known(held)
        _require_empty(settings, held)
        if settings.database_url:
            _restore_hosted(settings, held)
        else:
            _restore_embedded(settings, held)
    say(f"Restored the backup of {held.about.get('made_at', 'an unknown day')} into {settings.data_dir}.")
    say(epochs.ADVICE)
    if settings.key_file.name not in held.files:
        say(f"It came without keys: put the key file at {settings.key_file} (mode 600) before the next start.")


def _restore_hosted(settings: Settings, held: archive.Backup) -> None:
    """Into an empty database, or one that a restore of this backup has filled and was cut off right after."""
    assert settings.database_url  # noqa: S101 - the caller has looked
    target = asyncio.run(backup_checks.target(settings, held))
    cut_off, place = begun(settings.data_dir), replace(owner_place(settings), role=target.owner)
    filled = cut_off is not None and asyncio.run(epochs.restored_from(place)) == held.digest
    if not filled:
        restoring.refuse_unless_empty(settings.database_url, held.path)
    _make_folder(settings.data_dir)
    with marked(settings.data_dir, held.digest, list(held.files)):
        if not filled:
            held.restore_into(
                settings.database_url,
                owner=target.owner,
                roles=target.roles,
                last=f"{backup_checks.handed_over(held, target.owner)}\n{epochs.restoring_from(held.digest)}",
            )
        asyncio.run(epochs.begin(place, since=_moment(held)))
        write_restored(settings.data_dir, held.files)


def _restore_embedded(settings: Settings, held: archive.Backup) -> None:
    """Into a cluster made for it; a failure leaves the folder empty, as it was."""
    data_dir = settings.data_dir
    _make_folder(data_dir)
    with marked(data_dir, held.digest, list(held.files)):
        embedded.discard(data_dir, progress=say)
        try:
            with embedded.start(data_dir, progress=say, purpose=command_name()) as server:
                at = server.endpoint
                held.restore_into(
                    at,
                    owner=at.owner,
                    roles=backup_checks.roles(held, there=(at.owner, at.app, at.superuser)),
                    last=f"{backup_checks.handed_over(held, at.owner)}\n{epochs.restoring_from(held.digest)}",
                )
                asyncio.run(epochs.begin(owner_place(settings), since=_moment(held)))
        except embedded.EmbeddedError:
            shutil.rmtree(data_dir / "postgres", ignore_errors=True)
            raise
        write_restored(data_dir, held.files)


def _moment(held: archive.Backup) -> datetime | None:
    """The moment as of which the backup was made, None for one that does not say it."""
    made_at = held.about.get("made_at")
    return datetime.fromisoformat(made_at) if made_at else None


def _make_folder(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


def _require_empty(settings: Settings, held: archive.Backup) -> None:
    """Nothing that the restore would replace may be there, unless a restore that was cut off left it."""
    if begun(settings.data_dir) is not None:
        return
    there = [name for name in held.files if (settings.data_dir / name).exists()]
    if there or (settings.data_dir / "postgres").exists():
        raise Fault(
            f"{settings.data_dir} is not empty ({there[0] if there else 'postgres'}); restore into another folder."
        )
