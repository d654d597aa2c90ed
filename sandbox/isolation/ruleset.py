"""Landlock: what a process may still do to files, TCP ports and other processes, from now on.

Covered: every right that the kernel's version knows is taken, and given back only as asked.
Not covered: looking at what a path is (stat), which Landlock leaves open; UDP; connecting to a socket in the file
system before version 9. Only the calling thread and what it starts are bound.
"""

import ctypes
import os
import struct
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from sandbox.isolation import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILES_BY_VERSION = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15, 9: 1 << 16}
"""The first 13 rights; then to move between folders, truncate, control devices, and connect to sockets by path."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES = 3
"""Abstract sockets, and signals, of processes outside."""
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_RULE_PATH, _RULE_PORT = 1, 2


def restrict(
    abi: int,
    *,
    read: Iterable[Path],
    write: Iterable[Path],
    listing: Iterable[Path],
    ports: Collection[int],
    execute: bool,
) -> None:
    """Restrict this thread, for good. It must not be able to gain rights any more (no_new_privs).

    Args:
        abi: The kernel's version of Landlock.
        read: What may be read, with all below it. What does not exist is left out.
        write: Files that may also be written.
        listing: Folders whose names may be read, and those of the folders below.
        ports: To which it may connect by TCP.
        execute: Whether what it may read it may also run.

    Raises:
        OSError: The kernel refuses.
    """
    files = sum(rights for since, rights in _FILES_BY_VERSION.items() if since <= abi)
    handled = struct.pack("=QQQ", files, _BIND_TCP | _CONNECT_TCP, _SCOPES)
    size = 24 if abi >= _SCOPES_SINCE else 16 if abi >= _NETWORK_SINCE else 8
    ruleset = kernel.call(kernel.LANDLOCK_CREATE_RULESET, _buffer(handled[:size]), size, 0)
    try:
        reading = _READ_FILE | (_EXECUTE if execute else 0)
        for path in read:
            _allow_path(ruleset, path, reading, _READ_DIR)
        for path in write:
            _allow_path(ruleset, path, _READ_FILE | _WRITE_FILE, 0)
        for path in listing:
            _allow_path(ruleset, path, 0, _READ_DIR)
        if abi >= _NETWORK_SINCE:
            for port in ports:
                _allow(ruleset, _RULE_PORT, struct.pack("=QQ", _CONNECT_TCP, port))
        kernel.call(kernel.LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_path(ruleset: int, path: Path, rights: int, for_folders: int) -> None:
    with suppress(FileNotFoundError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            granted = rights | for_folders if path.is_dir() else rights
            _allow(ruleset, _RULE_PATH, struct.pack("=Qi", granted, place))
        finally:
            os.close(place)


def _allow(ruleset: int, kind: int, rule: bytes) -> None:
    kernel.call(kernel.LANDLOCK_ADD_RULE, ruleset, kind, _buffer(rule), 0)


def _buffer(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(data, len(data))
