"""Our own careful supervisor of the bundled PostgreSQL, and backups of what it holds."""

from chairside.embedded.backup import Backup, read_backup, write_backup
from chairside.embedded.binaries import tool, tool_environment
from chairside.embedded.endpoint import Endpoint, endpoint
from chairside.embedded.errors import ChangedError, EmbeddedError
from chairside.embedded.server import Server, attached, discard, start

__all__ = [
    "Backup",
    "ChangedError",
    "EmbeddedError",
    "Endpoint",
    "Server",
    "attached",
    "discard",
    "endpoint",
    "read_backup",
    "start",
    "tool",
    "tool_environment",
    "write_backup",
]
