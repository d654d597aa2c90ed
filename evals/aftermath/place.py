"""Where a run works: folders that it may touch, where possible on a disk of its own that can be read byte by byte.

Covered: working folder, temporary files, home and results on a small ext4 image, mounted through a loop device.
Not covered: disks that nobody may mount, which takes root; then folders only.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_IMAGE_BYTES = 16 << 20
_FOLDERS = ("cwd", "tmp", "home", "out")


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one run.

    `principal` and `control` are not the run's: the first holds the briefs, the second what the instruments must find.
    """

    root: Path
    principal: Path
    control: Path
    image: Path | None
    problem: str = ""
    """Why there is no image."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that keep a process inside."""
        return _inside(self.home, self.root / "tmp")

    @property
    def principals_environment(self) -> dict[str, str]:
        """The same for a principal, whose machine is another."""
        return _inside(self.principal, self.principal)

    @property
    def home(self) -> Path:
        """Where the host's key is kept."""
        return self.root / "home"

    @property
    def cwd(self) -> Path:
        """The working folder."""
        return self.root / "cwd"

    @property
    def out(self) -> Path:
        """For the results."""
        return self.root / "out"

    def detach(self) -> str:
        """Take the disk off, with all that is still to be written to it. What went wrong, if anything."""
        return _tried("umount", str(self.root))

    def plant(self, content: bytes) -> str:
        """Write a file to the disk that was taken off, and delete it. What went wrong, if anything."""
        if problem := _tried("mount", "-o", "loop", str(self.image), str(self.root)):
            return problem
        planted = self.cwd / "planted"
        with planted.open("wb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
        planted.unlink()
        return self.detach()


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Make one below a folder, and take it away again."""
    root, principal, control = (folder / name for name in ("root", "principal", "control"))
    for each in (root, principal, control):
        each.mkdir()
    image: Path | None = folder / "disk.img"
    problem = _mounted(folder / "disk.img", root)
    if problem:
        image = None
    for name in _FOLDERS:
        (root / name).mkdir()
    try:
        yield Place(root, principal, control, image, problem)
    finally:
        if root.is_mount():  # lazily, since somebody who should be gone may still work there
            _tried("umount", "-l", str(root))
        shutil.rmtree(folder)


def _inside(home: Path, temporary: Path) -> dict[str, str]:
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "TMPDIR": str(temporary)}


def _mounted(image: Path, root: Path) -> str:
    """Why it could not be."""
    if os.geteuid() != 0:
        return "only root may mount a disk"
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    return _tried("mkfs.ext4", "-q", "-F", str(image)) or _tried("mount", "-o", "loop", str(image), str(root))


def _tried(*command: str) -> str:
    """What went wrong, if anything."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return f"there is no {command[0]} here"
    done = subprocess.run([program, *command[1:]], capture_output=True, check=False)  # noqa: S603 - our own
    return f"{command[0]} failed with code {done.returncode}" if done.returncode else ""
