"""Every setting of the server, read once from the environment."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingFault(Exception):
    """A setting has a value that cannot be used. One sentence for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set; each by the environment variable CHAIRSIDE_ and its name in capitals."""

    data_dir: Path = Path(".chairside")
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8400
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    workers: int = 2
    pool_size: int = 8
    at_once: int = 32
    org_share: int = 3
    line: int = 256
    patience: int = 500
    connections: int = 2048
    body_seconds: int = 60
    trusted_proxies: tuple[Network, ...] = ()
    write_seconds: int = 20
    unusual_patients: int = 1000
    archive_dir: Path | None = None
    archive_command: str | None = None
    archive_fetch: str | None = None
    archive_encrypt_to: str = ""
    archive_keys: str = "yes"
    archive_seconds: int = 60
    archive_base_hours: int = 24
    archive_keep_days: int = 14
    log_format: str = "auto"
    log_level: str = "info"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "keys.json"

    @property
    def metrics_folder(self) -> Path:
        return self.data_dir / "metrics"

    @property
    def archive_status_file(self) -> Path:
        return self.data_dir / "archive-status.json"

    @property
    def checkpoints_file(self) -> Path:
        return self.data_dir / "audit-verified.json"

    @property
    def heads_file(self) -> Path:
        return self.data_dir / "audit-heads.jsonl"


DOCS: Mapping[str, str] = {
    "data_dir": "Folder of the embedded database, the keys and the demo token.",
    "database_url": "A PostgreSQL of your own (15 to 18), postgresql://user:password@host/name, else the embedded one.",
    "host": "Address to listen on.",
    "port": "Port to listen on.",
    "metrics_host": "Address to listen on for metrics.",
    "metrics_port": "Port that answers /metrics and nothing else; no metrics are served, if not set.",
    "workers": "Worker processes; one per core that the database does not need.",
    "pool_size": "Database connections of each worker, beside one for the audit trail.",
    "at_once": "Requests that each worker works on at once; more wait in line.",
    "org_share": "How many of these may be of one org while others ask too and some wait.",
    "line": "Requests that may wait in line at each worker; more are refused.",
    "patience": "Milliseconds that a request waits in line before it is refused.",
    "connections": "Clients that each worker keeps connections with at once; more wait to be accepted.",
    "body_seconds": "Seconds that the body of a request may take to come whole.",
    "trusted_proxies": (
        "Addresses or networks, separated by commas, of proxies whose X-Forwarded-For is believed; none, if not set."
    ),
    "write_seconds": "Seconds after which a client that takes nothing of its answer is disconnected.",
    "unusual_patients": "Patients that a user may see in a day before the day can be reported as unusual.",
    "archive_dir": "A directory on another disk or machine that the embedded database is archived to, continuously.",
    "archive_command": "A command that stores the file %p as %f in an archive, in place of a directory.",
    "archive_fetch": "The command that fetches %f from that archive into the file %p, and fails when it is not there.",
    "archive_encrypt_to": "Age recipients of the archive, separated by commas; it is not encrypted if there are none.",
    "archive_keys": "Whether base backups hold the key file and the demo's token: yes or no.",
    "archive_seconds": "Seconds after which a write is in the archive at the latest, while the archive works.",
    "archive_base_hours": "Hours between base backups.",
    "archive_keep_days": "Days back that a restore can reach; older base backups and log are deleted.",
    "log_format": "json, console, or auto: console on a terminal, json elsewhere.",
    "log_level": "debug, info, warning or error.",
}
_CHOICES = {
    "archive_keys": ("yes", "no"),
    "log_format": ("auto", "console", "json"),
    "log_level": ("debug", "info", "warning", "error"),
}
_OVERLOAD = {
    "at_once": (1, 1000), "org_share": (1, 1000), "line": (0, 10_000), "patience": (0, 10_000),
    "connections": (16, 16_384), "body_seconds": (1, 3600), "write_seconds": (1, 3600),
}  # fmt: skip
_ARCHIVE = {"archive_seconds": (1, 3600), "archive_base_hours": (1, 744), "archive_keep_days": (1, 3650)}
_REPORTED = {"unusual_patients": (10, 20_000)}
_PORTS = {"port": (1, 65535), "metrics_port": (0, 65535)}
_BOUNDS = {**_PORTS, "workers": (1, 64), "pool_size": (1, 100), **_OVERLOAD, **_REPORTED, **_ARCHIVE}


def variable(name: str) -> str:
    return "CHAIRSIDE_" + name.upper()


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that an environment means; SettingFault names the variable that cannot be used."""
    known = {variable(f.name): f for f in fields(Settings)}
    values: dict[str, object] = {}
    for key in environment:
        if key.startswith("CHAIRSIDE_") and key not in known:
            raise SettingFault(f"{key} is not a setting; the README lists them.")
    for key, field in known.items():
        if text := environment.get(key, ""):
            values[field.name] = _value(key, field.name, text)
    return Settings(**values)  # type: ignore[arg-type]  # checked one by one by _value


def _value(key: str, name: str, text: str) -> object:
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        if not text.isdecimal() or not low <= int(text) <= high:
            raise SettingFault(f"{key} must be a number from {low} to {high}.")
        return int(text)
    if name in _CHOICES and text not in _CHOICES[name]:
        raise SettingFault(f"{key} must be one of {', '.join(_CHOICES[name])}.")
    if name == "trusted_proxies":
        return _networks(key, text)
    return Path(text).absolute() if name in ("data_dir", "archive_dir") else text


def _networks(key: str, text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise SettingFault(f"{key} must be addresses or networks, such as 10.0.0.5,192.168.0.0/16.") from None
