"""How a user with no rights gets to the files that a child needs: which folders are closed to it, and which files.

Covered: modes of folders on the way, of what is shown, and of the code in it. A closed folder can be opened for one
child (`descend` puts another over it, which holds no more than is shown); a closed file cannot.
Not covered: other files in shown folders; access lists that name users; SELinux and AppArmor.
"""

import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sandbox.isolation import shown
from sandbox.isolation.interface import Room
from sandbox.isolation.shown import Interpreter


@dataclass(frozen=True, slots=True)
class Way:
    """What has to be opened, and what could not be."""

    doors: tuple[Path, ...]
    """Folders that are closed to others, outermost only."""
    shown: tuple[Path, ...]
    """What is needed of what is below them."""
    closed: Path | None
    """A file or folder that is needed and closed to others."""


def way(needed: Iterable[Path]) -> Way:
    """The way to what is needed. What does not exist is left out."""
    found = [path for path in needed if path.exists()]
    names = shown.outermost(each for path in found for each in (*_names(path), path.resolve()))
    doors: dict[Path, list[Path]] = {}
    for path in names:
        if door := next((folder for folder in reversed(path.parents) if not _lets_pass(folder)), None):
            doors.setdefault(door.resolve(), []).append(path)
    closed = next((path for path in (*found, *filter(_is_root, doors)) if not _is_open(path)), None)
    return Way(tuple(doors), tuple(path for below in doors.values() for path in below), closed)


def of_child(room: Room, program: Path, interpreter: Interpreter) -> Way:
    """The way of a child to all that it needs.

    Args:
        room: What it gets.
        program: What is started.
        interpreter: What it then runs on.
    """
    names = shown.network() if room.network else []
    found = way([program, *_needed(interpreter), *names, *room.read_only])
    closed = found.closed or _closed_below(room.read_only, interpreter) or _closed_code(interpreter)
    return replace(found, closed=closed)


def _needed(interpreter: Interpreter) -> tuple[Path, ...]:
    return (*interpreter.paths, interpreter.executable, interpreter.binary)


@cache
def _closed_code(interpreter: Interpreter) -> Path | None:
    """Code that is closed to others. What is installed under a strict umask is closed as a whole."""
    loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    sites = (path for path in interpreter.paths if path.name in shown.SITES)
    installed = (inner for path in sites for inner in path.glob("*/__init__.py"))
    return _closed_below([*(Path(file) for file in loaded if file), *installed], interpreter)


def _closed_below(files: Iterable[Path], interpreter: Interpreter) -> Path | None:
    """One of some files, or of the folders between them and what is shown, that is closed to others."""
    roots = {str(path) for path in _needed(interpreter)}
    is_open: set[str] = set()
    for file in map(str, files):
        steps = [file]
        while steps[-1] not in roots and steps[-1] not in is_open and len(steps[-1]) > 1:
            steps.append(os.path.dirname(steps[-1]))
        if len(steps[-1]) > 1:  # else it is not shown by way of a folder
            if closed := next((each for each in steps if not _is_open(each)), None):
                return Path(closed)
            is_open.update(steps)
    return None


def _names(path: Path) -> list[Path]:
    """A path, and under what names it comes as one link after the other is followed: each has to be there."""
    names: list[Path] = []
    while path not in names:
        names.append(path)
        if link := next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None):
            leads_to = os.path.normpath(link.parent / os.readlink(link))
            path = Path(leads_to, path.relative_to(link))
    return names


def _is_root(path: Path) -> bool:
    return path == path.parent


def _is_open(path: Path | str) -> bool:
    """Whether others may read a file, or walk through a folder and list it."""
    mode = os.stat(path).st_mode
    needed = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return mode & needed == needed


def _lets_pass(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
