"""The filters, run by a small interpreter of their bytecode: so that those of aarch64 are tried here too."""

import errno
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.isolation import profile, seccomp
from sandbox.isolation.profile import Profile
from sandbox.isolation.syscalls import ARCHITECTURES
from tests.sandbox.isolation.attacking import ROOT

KILL, ALLOW = 0x80000000, 0x7FFF0000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
PID = 4711
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


class Filter:
    def __init__(self, machine: str, role: Profile, *, network: bool = False) -> None:
        self._architecture = ARCHITECTURES[machine]
        self._code = seccomp.program(self._architecture, profile.allowed(role, PID, network=network))

    def __call__(self, name: str, *arguments: int) -> int:
        return self.run(self._architecture.numbers[name], self._architecture.audit, *arguments)

    def run(self, number: int, audit: int, *arguments: int) -> int:
        data = struct.pack("=IIQ6Q", number, audit, 0, *(*arguments, *[0] * 6)[:6])
        steps = list(struct.iter_unpack("=HBBI", self._code))
        at, value = 0, 0
        while True:
            operation, yes, no, operand = steps[at]
            at += 1
            match operation:
                case 0x20:
                    (value,) = struct.unpack_from("=I", data, operand)
                case 0x54:
                    value &= operand
                case 0x05:
                    at += operand
                case 0x15:
                    at += yes if value == operand else no
                case 0x35:
                    at += yes if value >= operand else no
                case 0x06:
                    return int(operand)
                case _:
                    raise AssertionError(operation)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    text = header.read_text()
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)[ \t]+(\d+)", text))
    # calls that only these headers spell otherwise
    found |= {"newfstatat": found.get("fstatat", found.get("newfstatat")), "fstat": found["fstat"]}
    ours = ARCHITECTURES[machine].numbers
    assert {name: int(found.get(name, -1)) for name in ours} == dict(ours)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_name_exists_on_some_architecture(machine: str) -> None:
    known = {name for architecture in ARCHITECTURES.values() for name in architecture.numbers}
    named = {*profile.DEADLY, *profile.REFUSED}
    for role in ("box", "broker", "engine"):
        named |= set(profile.allowed(role, PID, network=True))
    assert named <= known


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_box_may_work_and_nothing_else(machine: str) -> None:
    box = Filter(machine, "box")
    assert {box(name) for name in ("read", "write", "futex", "epoll_pwait", "getrandom", "exit_group")} == {
        ALLOW
    }
    refused = ("openat", "socket", "connect", "execve", "clone", "prctl", "setsockopt", "memfd_create")
    assert {box(name) for name in refused} == {EPERM}
    assert {box(name) for name in ("ptrace", "io_uring_setup", "bpf", "keyctl", "mount", "unshare")} == {KILL}
    assert box("statx") == ENOSYS
    assert box("mmap", 0, 4096, 3) == ALLOW
    assert box("mmap", 0, 4096, 5) == EPERM
    assert box("mprotect", 0, 4096, 4) == EPERM
    assert box("fcntl", 3, 4) == ALLOW
    assert box("fcntl", 3, 8) == EPERM
    assert box("ioctl", 3, 0x5421) == ALLOW
    assert box("ioctl", 3, 0x5412) == EPERM  # types into a terminal
    assert box("sendto", 3, 1, 1, 0, 0) == ALLOW
    assert box("sendto", 3, 1, 1, 0, 0x7FFF00000000) == EPERM
    assert box("sendto", 3, 1, 1, 0, 1) == EPERM
    assert box("socketpair", 1, 1 | 0o2004000) == ALLOW
    assert box("socketpair", 1, 2) == EPERM
    assert box("tgkill", PID) == ALLOW
    assert box("tgkill", PID + 1) == EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_broker_reads_connects_and_makes_no_code(machine: str) -> None:
    broker = Filter(machine, "broker", network=True)
    assert broker("openat", 0, 0, 0o2000000) == ALLOW
    assert broker("openat", 0, 0, 2) == EPERM
    assert broker("openat", 0, 0, 0o100) == EPERM
    assert broker("socket", 2, 1 | 0o2000000) == ALLOW
    assert broker("socket", 1, 1) == EPERM
    assert broker("socket", 16, 3) == EPERM
    assert broker("socket", 2, 3) == EPERM
    assert broker("clone", 0x10F00) == ALLOW
    assert broker("clone", 17) == EPERM
    assert broker("clone", 0x10000000 | 0x10000) == EPERM
    assert broker("clone3") == EPERM or broker("clone3") == ENOSYS
    assert broker("execve") == EPERM
    assert broker("mmap", 0, 4096, 5) == ALLOW
    assert broker("mmap", 0, 4096, 7) == EPERM
    assert broker("mmap", 0, 4096, 6) == EPERM
    assert broker("mprotect", 0, 4096, 5) == EPERM
    assert broker("prctl", 4, 0) == ALLOW
    assert broker("prctl", 4, 1) == EPERM
    assert broker("prctl", 22, 2) == EPERM
    assert broker("prlimit64", 0) == ALLOW
    assert broker("prlimit64", 1) == EPERM
    alone = Filter(machine, "broker")
    assert alone("socket", 2, 1) == EPERM
    assert alone("connect") == EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_an_engine_starts_programs_in_no_new_namespace(machine: str) -> None:
    engine = Filter(machine, "engine")
    assert engine("execve") == ALLOW
    assert engine("clone", 17) == ALLOW
    assert engine("clone", 0x4111) == ALLOW  # vfork, as aarch64 does it
    assert engine("clone", 0x10000000 | 17) == EPERM
    assert engine("openat", 0, 0, 2) == ALLOW
    assert engine("openat", 0, 0, 0o101) == EPERM


def test_calls_of_another_kind_end_the_process() -> None:
    intel, arm = ARCHITECTURES["x86_64"], ARCHITECTURES["aarch64"]
    box = Filter("x86_64", "box")
    assert box.run(intel.numbers["read"], 0x40000003) == KILL  # 32 bits
    assert box.run(0x40000000, intel.audit) == KILL  # x32
    assert box.run(intel.numbers["read"], arm.audit) == KILL
    assert Filter("aarch64", "box").run(arm.numbers["read"], intel.audit) == KILL


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("threading.Thread(target=threading.Event().wait, daemon=True).start(); harden()", "several threads"),
        ("harden(network_ports=[443])", "a box reads no files and has no network"),
    ],
)
def test_what_cannot_be_closed_is_refused(call: str, said: str) -> None:
    code = (
        "import os, threading\nfrom bargaining.errors import SandboxError\n"
        "from sandbox.isolation.harden import harden\n"
        f"try:\n    {call}\nexcept SandboxError as error:\n    print(error, flush=True)\nos._exit(0)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said in done.stdout
