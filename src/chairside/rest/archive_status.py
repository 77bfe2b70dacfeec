"""Numbers of the archive for Prometheus, from the status that the archiver writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


class Status(msgspec.Struct):
    """The part of the status that is counted; times are ISO 8601, empty for never."""

    at: str = ""
    failing_since: str = ""
    waiting: int = 0
    oldest_waiting_at: str = ""
    archived_at: str = ""
    base_at: str = ""


class ArchiveStatus:
    """Hands the numbers to the library as it asks for them; none while nothing is archived."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415 - 3 MB, and only for a scrape

        for status in self._read():
            for name, doc, value in _gauges(status):
                yield GaugeMetricFamily(f"chairside_archive_{name}", doc, value=value)

    def _read(self) -> Iterator[Status]:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            if self._file:
                yield msgspec.json.decode(self._file.read_bytes(), type=Status)


def _gauges(status: Status) -> Iterator[tuple[str, str, float]]:
    yield "failing", "1 while the archive cannot be written.", float(bool(status.failing_since))
    yield "waiting_files", "Finished files of the log that are not archived yet.", status.waiting
    waited = datetime.now(UTC).timestamp() - _seconds(status.oldest_waiting_at) if status.waiting else 0
    yield "oldest_waiting_seconds", "Time since the oldest of them was finished.", waited
    yield "last_file_timestamp_seconds", "When a file was archived last.", _seconds(status.archived_at)
    yield "base_timestamp_seconds", "When the last usable base backup ended; 0 without one.", _seconds(status.base_at)
    yield "status_timestamp_seconds", "When the archiver told this last.", _seconds(status.at)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() if time else 0
