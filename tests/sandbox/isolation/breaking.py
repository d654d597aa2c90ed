"""Attacks on other processes, on the walls and on the kernel; and the work that has to go on behind the walls."""

import asyncio
import contextlib
import ctypes
import fcntl
import importlib
import mmap
import os
import socket
import sys
import threading

from sandbox.isolation import kernel, syscalls
from tests.sandbox.isolation.attack import Targets, attack

EXTENSIONS = ("_lsprof", "_elementtree", "_zoneinfo", "_crypt", "termios")


def syscall(name: str, *arguments: int) -> int:
    architecture = syscalls.here()
    assert architecture is not None
    return kernel.call(architecture.numbers[name], *arguments)


@attack
def fork(targets: Targets) -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


@attack
def execute(targets: Targets) -> None:
    os.waitpid(os.posix_spawn("/bin/sh", ["/bin/sh", "-c", ":"], {}), 0)


@attack
def execute_python(targets: Targets) -> None:
    os.waitpid(os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", ""], {}), 0)


@attack
def thread(targets: Targets) -> None:
    started = threading.Thread(target=int)
    started.start()
    started.join()


@attack
def signal_outside(targets: Targets) -> None:
    os.kill(targets.pid, 0)


@attack
def signal_by_owner(targets: Targets) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        fcntl.fcntl(ours, fcntl.F_SETOWN, targets.pid)


@attack
def memory_file(targets: Targets) -> None:
    os.close(os.memfd_create("x"))


@attack
def executable_memory(targets: Targets) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


@attack
def made_executable(targets: Targets) -> None:
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    syscall("mprotect", address, 4096, mmap.PROT_READ | mmap.PROT_EXEC)


@attack
def new_extension(targets: Targets) -> None:
    for name in EXTENSIONS:
        if name not in sys.modules and name not in sys.builtin_module_names:
            importlib.import_module(name)
            return
    raise LookupError("no extension module is left to import")


@attack
def dumpable_again(targets: Targets) -> None:
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


@attack
def ptrace(targets: Targets) -> None:
    syscall("ptrace", 0x4206, targets.pid, 0, 0)  # SEIZE: it goes on, and is let go when we end


@attack
def process_vm_readv(targets: Targets) -> None:
    syscall("process_vm_readv", targets.pid, 0, 0, 0, 0, 0)


@attack
def keyctl(targets: Targets) -> None:
    syscall("keyctl", 0, -3 & 0xFFFFFFFF, 0)


@attack
def io_uring(targets: Targets) -> None:
    parameters = ctypes.create_string_buffer(120)
    os.close(syscall("io_uring_setup", 1, ctypes.addressof(parameters)))


@attack
def mount(targets: Targets) -> None:
    text = [ctypes.create_string_buffer(part) for part in (b"none", b"/not-there", b"tmpfs")]
    syscall("mount", *(ctypes.addressof(part) for part in text), 0, 0)


@attack
def unshare(targets: Targets) -> None:
    syscall("unshare", 0x10000000)


@attack
def bpf(targets: Targets) -> None:
    attributes = ctypes.create_string_buffer(72)
    syscall("bpf", 0, ctypes.addressof(attributes), 72)


@attack
def userfaultfd(targets: Targets) -> None:
    os.close(syscall("userfaultfd", 1))


@attack
def perf(targets: Targets) -> None:
    attributes = ctypes.create_string_buffer(128)
    syscall("perf_event_open", ctypes.addressof(attributes), 0, -1 & 0xFFFFFFFF, -1 & 0xFFFFFFFF, 0)


@attack
def x32(targets: Targets) -> None:
    kernel.call(0x40000000 + 39)


@attack
def environment(targets: Targets) -> str:
    return os.environ["NEGBOX_CANARY"]


@attack
def inherited_file(targets: Targets) -> None:
    ours = int(sys.argv[1])
    for number in {*range(3, 64)} - {ours}:
        try:
            fcntl.fcntl(number, fcntl.F_GETFD)
        except OSError:
            continue
        return
    raise LookupError("nothing else is open")


@attack
def work(targets: Targets) -> None:
    """Not an attack: what a closed box has to go on doing."""

    async def talk() -> bytes:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        _, answering = await asyncio.open_connection(sock=theirs)
        answering.write(bytes(300_000))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            data = await reader.readexactly(300_000)
        writer.close()
        answering.close()
        return data

    loop = asyncio.new_event_loop()
    assert len(loop.run_until_complete(talk())) == 300_000
    loop.close()
    assert len(os.urandom(16)) == 16
    assert sum(len(bytes(2**20)) for _ in range(64)) == 2**26
    with contextlib.suppress(ImportError):
        importlib.import_module("not_there")


@attack
def abort(targets: Targets) -> None:
    os.abort()
