"""A process that holds a secret and stands still, inside bubblewrap's namespaces or not, for purges and scans."""

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

import pytest

from sandbox import trial
from sandbox.fact import Known

HOLD = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.prctl(4, 0, 0, 0, 0)  # not dumpable
secret = bytes.fromhex(sys.stdin.readline())
exec(sys.argv[1])
sys.stdout.write(f"{os.getpid()}\\n"); sys.stdout.flush()
sys.stdin.readline()
"""
KEEP = "kept = secret * 3"


def bubblewrap() -> str:
    """The path of bubblewrap; skips where it cannot build a box."""
    found = trial.bubblewrap()
    if not isinstance(found, Known) or found.value is None or not found.value.works:
        pytest.skip(f"needs bubblewrap and user namespaces: {found}")
    return str(found.value.path)


class Prey:
    """A child as `isolation` hands it out.

    Args:
        secret: What it holds. It travels in hexadecimal, and stays so in its input buffer.
        boxed: In bubblewrap's user namespace.
        code: What it does with the secret.
        environment: Beside the usual.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        boxed: bool = True,
        code: str = KEEP,
        environment: Mapping[str, str] | None = None,
        file_limit: bool = True,
    ) -> None:
        wall = (
            [bubblewrap(), "--unshare-user", "--die-with-parent", "--bind", "/", "/", "--"] if boxed else []
        )
        limit = ["prlimit", "--fsize=0"] if file_limit else []
        self.process = subprocess.Popen(
            [*limit, *wall, sys.executable, "-I", "-S", "-c", HOLD, code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", **(environment or {})},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(secret.hex().encode() + b"\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        if not said:
            self._close()
            raise AssertionError("it ended before it held anything")
        self.pid = int(said)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill it, and bubblewrap around it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Prey":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
