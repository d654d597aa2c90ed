"""One guest: a QEMU without hardware help, whose RAM is memory that this process can read.

Covered: it is stopped while somebody looks; it ends with this process, however that ends. RAM and files of the guest
are memory without a name, so nothing is left on a disk, ever.
Not covered: hardware virtualisation, which would be faster.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bargaining.errors import SandboxError
from benchmarks.residue_ram.preflight import Tools

_PR_SET_PDEATHSIG = 1
_MOST_SHOWN = 2000


class Machine:
    """A running guest."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", ram: int, console: socket.socket, monitor: socket.socket
    ) -> None:
        self.ram = ram
        """A descriptor of its RAM."""
        self._process = process
        self._console, self._monitor = console, monitor
        self._heard = self._last = b""
        self._lines = monitor.makefile("rb")
        if not self._lines.readline():  # a greeting
            assert process.stderr is not None
            raise SandboxError(
                f"QEMU does not start: {process.stderr.read(_MOST_SHOWN).decode(errors='replace')}"
            )
        self._ask("qmp_capabilities")

    def said(self, seconds: float) -> tuple[str, Any]:
        """The next thing that the guest has to say, and what belongs to it.

        Raises:
            SandboxError: It says nothing any more.
        """
        until = time.monotonic() + seconds
        while True:
            while b"\n" in self._heard:
                line, _, self._heard = self._heard.partition(b"\n")
                if line.startswith(b"@"):
                    word, _, more = line[1:].decode(errors="replace").strip().partition(" ")
                    return word, json.loads(more) if more else None
                self._last = (self._last + line + b"\n")[-_MOST_SHOWN:]
            if not select.select([self._console], [], [], max(0.0, until - time.monotonic()))[0]:
                raise SandboxError(f"the guest said nothing for {seconds:.0f} s")
            data = self._console.recv(1 << 16)
            if not data:
                told = self._last.decode(errors="replace").strip() or "nothing"
                raise SandboxError(f"the guest ended; last it said: {told}")
            self._heard += data

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it for a while."""
        self._ask("stop")
        yield
        self._ask("cont")

    def go_on(self) -> None:
        """Tell the guest to go on."""
        self._console.sendall(b"\n")

    def _ask(self, command: str) -> None:
        self._monitor.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise SandboxError(f"QEMU refused to {command}")
            if "return" in answer:
                return
        raise SandboxError("QEMU has ended")


@contextmanager
def started(tools: Tools, files: int, memory_mib: int, words: str) -> Iterator[Machine]:
    """Start a guest, and end it afterwards.

    Args:
        tools: What is used.
        files: A descriptor of the guest's files.
        memory_mib: How much RAM it has.
        words: For its kernel's command line.
    """
    with ExitStack() as closing:
        ram = os.memfd_create("ram")
        closing.callback(os.close, ram)
        os.ftruncate(ram, memory_mib << 20)
        console, theirs = _pair(closing)
        monitor, its_monitor = _pair(closing)
        process = closing.enter_context(
            subprocess.Popen(
                [
                    tools.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                    "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", f"{memory_mib}M",
                    "-machine", "q35,memory-backend=ram",
                    "-object", f"memory-backend-file,id=ram,size={memory_mib}M,share=on,mem-path=/proc/self/fd/{ram}",
                    "-chardev", f"socket,id=console,fd={theirs.fileno()}", "-serial", "chardev:console",
                    "-chardev", f"socket,id=monitor,fd={its_monitor.fileno()}", "-mon", "monitor,mode=control",
                    "-kernel", tools.kernel, "-initrd", f"/proc/self/fd/{files}",
                    "-append", f"console=ttyS0 quiet panic=-1 {words}",
                ],
                pass_fds=(ram, files, theirs.fileno(), its_monitor.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no other thread is there
            )
        )  # fmt: skip
        closing.callback(process.kill)
        theirs.close()
        its_monitor.close()
        yield Machine(process, ram, console, monitor)


def _pair(closing: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    return closing.enter_context(ours), closing.enter_context(theirs)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
