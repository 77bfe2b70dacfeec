"""What the server is told at each start: settings, who may connect, and to what memory it is fitted."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

MIB = 1024 * 1024


def settings(socket_folder: str, memory: int, more: Mapping[str, str]) -> str:
    """postgresql.conf for a machine of `memory` bytes, with the socket in `socket_folder`, and `more` of archiving."""
    lines = [f"{name} = {_quoted(value)}" for name, value in {**_chosen(socket_folder, memory), **more}.items()]
    return "\n".join(["# Written anew at every start.", *lines, ""])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _chosen(socket_folder: str, memory: int) -> dict[str, str]:
    return {
        "listen_addresses": "",
        "unix_socket_directories": socket_folder,
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "cluster_name": "chairside",
        # Otherwise a server that replays an archive reports ready while it can only be read.
        "hot_standby": "off",
        # A setting changed from SQL could open the server or its log again.
        "allow_alter_system": "off",
        **_DURABLE,
        "recovery_init_sync_method": _sync_before_recovery(os.uname().release),
        **_fitted(memory),
        **_DISCREET_LOG,
        "timezone": "UTC",
        "lc_messages": "C",
        "datestyle": "iso, ymd",
        "default_text_search_config": "pg_catalog.simple",
    }


_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def _sync_before_recovery(kernel: str) -> str:
    """One call for the whole file system: a thousand files one after another take a slow disk many seconds.

    Linux before 5.8 may keep a failed write to itself when asked so.
    """
    number = re.match(r"(\d+)\.(\d+)", kernel)
    return "syncfs" if number and (int(number[1]), int(number[2])) >= (5, 8) else "fsync"


def _fitted(memory: int) -> dict[str, str]:
    mib = memory // MIB
    return {
        "shared_buffers": f"{min(max(mib // 8, 32), 2048)}MB",
        "effective_cache_size": f"{max(mib // 2, 64)}MB",
        "work_mem": f"{min(max(mib // 512, 4), 32)}MB",
        "maintenance_work_mem": f"{min(max(mib // 32, 32), 512)}MB",
        "max_wal_size": "1GB",
        # Plans made while a table was nearly empty hold until it is analyzed, and an import fills it within seconds.
        "autovacuum_naptime": "15s",
        "random_page_cost": "1.1",
        "jit": "off",
        # Files in the cluster instead of /dev/shm, which is outside it and 64 MB in a Docker container.
        "dynamic_shared_memory_type": "mmap",
        "min_dynamic_shared_memory": "16MB",
    }


# An error's text may quote what a client sent ("invalid input syntax for type date: ..."), its DETAIL the
# row (constraint violations) or the statement (a crashed backend), so errors of statements are not logged at
# all, only what the server says of itself, and that without DETAIL. The application learns of its errors.
_DISCREET_LOG = {
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_duration": "off",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_startup_progress_interval": "1s",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # A file for each day of the week, begun anew a week later.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}

# The kernel says who is at the other end of the socket: no password to lose, and no one trusted unseen.
WHO_MAY_CONNECT = (
    "# Written anew at every start.\nlocal all all peer map=chairside\n"
    "local replication postgres peer map=chairside\n"  # base backups; "all" databases are not this one
)


def who_is_who(users: set[str], roles: tuple[str, ...]) -> str:
    """pg_ident.conf: each of these operating system users may be any of these roles."""
    pairs = [f'chairside "{user}" "{role}"' for user in sorted(users) for role in roles]
    return "\n".join(["# Written anew at every start.", *pairs, ""])


def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's if that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            limits.append(int(text))
    return min(limits)
