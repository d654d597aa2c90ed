"""Which paths of the host a child has to see: its interpreter, the libraries, and the code.

Worked out from the running interpreter, so that a system Python, a virtual environment, pyenv, conda and uv all do.
Of a folder on the module path that is not a `site-packages` (a checkout, say) only packages and modules are shown,
and nothing if only the main program came from there: whatever else lies beside them stays unseen.
Not covered: an interpreter or libraries that need files elsewhere (GPU drivers); namespace packages in a checkout.
"""

import os
import ssl
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESOLVER = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf")
# never the whole of /etc/ssl: a child that root has to start as root would own /etc/ssl/private
CERTIFICATES = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
ENGINE = ("/proc/meminfo", "/proc/stat")
"""What an embedded engine asks before it starts: how much memory there is, and how many cores are free. Without the
first it does not load; without the second its threads hold each other up: measured, 21 s in place of 5 s."""

_STORES = ("/nix/store", "/gnu/store")
"""Where a library names its libraries by their place in a store."""
SITES = {"site-packages", "dist-packages"}
"""What folders with installed packages are called."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter as a child needs it."""

    executable: Path
    """What to start. In a virtual environment this is a link to `binary`, and has to be called by this name."""
    binary: Path
    paths: tuple[Path, ...]
    """To be seen under the same names."""
    hidden: tuple[Path, ...]
    """Folders below `paths` that are not on our module path."""
    module_path: tuple[str, ...]
    """For PYTHONPATH: what it does not find by itself."""
    library_path: tuple[str, ...]
    """For LD_LIBRARY_PATH: where the linker does not look by itself once /etc and /proc are gone."""


def interpreter() -> Interpreter:
    """The one that runs this."""
    executable = Path(sys.executable)
    binary = executable.resolve()
    configuration = Path(sys.prefix, "pyvenv.cfg")
    if sys.prefix == sys.base_prefix:
        executable = binary
    standard = _existing({str(Path(os.__file__).parent), *map(sysconfig.get_path, ("stdlib", "platstdlib"))})
    entries = [
        Path(entry) for entry in sys.path if entry and Path(entry).is_absolute() and Path(entry).exists()
    ]
    used = _origins()
    added = [
        entry
        for entry in dict.fromkeys(entries)
        if not any(entry.is_relative_to(known) for known in standard)
        and (entry.name in SITES or entry in used)
    ]
    sites = [entry for entry in entries if entry.name in SITES]
    folders, library_path = _libraries(added)
    inside = [known / name for known in standard for name in SITES]
    return Interpreter(
        executable=executable,
        binary=binary,
        paths=tuple(
            outermost(
                [
                    *([configuration] if configuration.exists() else []),
                    *standard,
                    *(path for entry in added for path in _code(entry)),
                    *sites,
                    *folders,
                ]
            )
        ),
        hidden=tuple(folder for folder in inside if folder.is_dir() and folder not in sites),
        module_path=tuple(str(entry) for entry in added if entry.name not in SITES or _is_foreign(entry)),
        library_path=library_path,
    )


def network() -> list[Path]:
    """What names and certificates need."""
    trust = ssl.get_default_verify_paths()
    places = (trust.cafile, trust.capath, trust.openssl_cafile, trust.openssl_capath)
    return outermost(_existing({*RESOLVER, *CERTIFICATES, *(place for place in places if place)}))


def engine() -> list[Path]:
    """What an embedded engine needs."""
    return _existing(ENGINE)


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Without duplicates, and without what lies below another one."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _origins() -> set[Path]:
    """The folders from which modules have been loaded, but for the main program."""
    found = set()
    for name, module in list(sys.modules.items()):
        if "." not in name and name != "__main__" and (source := getattr(module, "__file__", None)):
            file = Path(source)
            found.add(file.parent.parent if file.name == "__init__.py" else file.parent)
    return found


def _existing(places: Iterable[str]) -> list[Path]:
    return [Path(place) for place in places if Path(place).exists()]


def _is_foreign(site: Path) -> bool:
    """Whether the interpreter would not find a site folder by itself: one of the user, or one from PYTHONPATH."""
    return not any(site.is_relative_to(prefix) for prefix in {sys.prefix, sys.base_prefix}) and not (
        site.is_relative_to("/usr")
    )


def _code(entry: Path) -> Iterator[Path]:
    """What of an entry of the module path is code."""
    if entry.name in SITES or entry.is_file():
        yield entry
        return
    for inner in entry.iterdir():
        with suppress(PermissionError):  # a folder that is closed to us has no code for us
            is_module = inner.suffix in {".py", ".so"} and inner.is_file()
            is_package = inner.suffix in {".dist-info", ".libs"} or (inner / "__init__.py").is_file()
            if is_module or is_package:
                yield inner


def _libraries(added: Iterable[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Folders that hold shared libraries, and which of them the linker has to be told of."""
    triple = sysconfig.get_config_var("MULTIARCH") or ""
    narrow = [f"/lib/{triple}", f"/usr/lib/{triple}"] if triple else []
    wide = [] if _existing(narrow) else ["/lib", "/usr/lib"]
    usual = _existing([*narrow, *wide, "/lib64", "/usr/lib64"])
    real = {path.resolve() for path in usual}
    elsewhere: set[Path] = set()
    for library in _mapped():
        folder = library.parent
        known = any(folder.is_relative_to(entry) for entry in added) or folder in real
        if library.name.startswith(("lib", "ld-")) and not known:
            elsewhere.add(folder)
    stores = [store for store in _existing(_STORES) if any(p.is_relative_to(store) for p in elsewhere)]
    told = sorted(str(folder) for folder in elsewhere if not any(folder.is_relative_to(s) for s in stores))
    # one library of a folder of the interpreter's own may need others there
    return [*usual, *stores, *map(Path, told)], tuple(told)


def _mapped() -> Iterator[Path]:
    """The libraries that this process has loaded. In a box without /proc: those in folders that it was told of."""
    try:
        lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    except OSError:
        for folder in filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
            yield from Path(folder).glob("lib*.so*")
        return
    for name in {line.split(maxsplit=5)[-1] for line in lines if "/" in line}:
        if ".so" in Path(name).name and Path(name).is_file():
            yield Path(name)
