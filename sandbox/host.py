"""What this machine offers to a box, and where it could keep what a box held. Each fact is known or it says why not.

Covered: user namespaces and bubblewrap (tried, not guessed from settings), Landlock, seccomp, root, users of their own
for children, swap, locked memory, zeroing of freed memory, core dumps, tracing variables (their names, never their
values), ptrace.
Not covered: the hypervisor below and what it keeps (snapshots, balloons, its own swap); suspend to disk; services
that read other processes' memory; network file systems. The calls are the same on x86-64 and aarch64; only x86-64
was run. Elsewhere than on Linux every fact is unknown.
"""

import os
import platform
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import trial
from sandbox.fact import Fact, Known, Unknown, read
from sandbox.trial import Bubblewrap

_CAP_IPC_LOCK = 14


@dataclass(frozen=True, slots=True)
class Swap:
    """A place to which the kernel may write memory."""

    name: str
    size_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What this machine offers."""

    kernel: str
    machine: str
    user_namespaces: Fact[bool]
    bubblewrap: Fact[Bubblewrap | None]
    landlock_abi: Fact[int]
    """0: the kernel has none."""
    seccomp: Fact[bool]
    real_root: Fact[bool]
    """User 0 of the machine, not of a user namespace."""
    own_users: Fact[bool]
    """Whether children can get a user of their own, for which this process has to be root."""
    swap: Fact[tuple[Swap, ...]]
    swapped_out_pages: Fact[int]
    """How many pages the kernel wrote to swap since it started: the same before and after a run, and none of its
    memory was."""
    memory_lock_bytes: Fact[int | None]
    """How much memory can be kept out of swap; None: all of it."""
    init_on_free: Fact[bool]
    """Whether the kernel zeroes every page that is given back."""
    core_pattern: Fact[str]
    core_limit_bytes: Fact[int | None]
    """None: no limit."""
    tracing: tuple[str, ...]
    """Names of environment variables that can make a library tell others, or a log, what it works on."""
    ptrace_scope: Fact[int]
    """0: each process of a user may look into the others."""

    @property
    def core_piped(self) -> bool | None:
        """Whether dumps go to a program (or a socket), for which a core limit of 0 does not count."""
        return self.core_pattern.value[:1] in {"|", "@"} if isinstance(self.core_pattern, Known) else None


def gather(environment: Mapping[str, str] | None = None, *, root: Path = Path("/")) -> Facts:
    """Establish all facts. Takes a few hundredths of a second, and starts a few short processes.

    Args:
        environment: Where tracing variables are looked for; `os.environ` if None.
        root: Below which `proc` and `boot` are read.
    """
    release = platform.release()
    bubblewrap = trial.bubblewrap()
    return Facts(
        kernel=f"{platform.system()} {release}",
        machine=platform.machine(),
        user_namespaces=trial.user_namespaces(),
        bubblewrap=bubblewrap,
        landlock_abi=trial.landlock_abi(),
        seccomp=trial.seccomp(),
        real_root=real_root(root),
        own_users=trial.own_users(bubblewrap),
        swap=swap(root),
        swapped_out_pages=swapped_out_pages(root),
        memory_lock_bytes=memory_lock(root),
        init_on_free=init_on_free(root, release),
        core_pattern=read(root / "proc/sys/kernel/core_pattern", str.strip),
        core_limit_bytes=Known(_unless_infinite(resource.getrlimit(resource.RLIMIT_CORE)[0])),
        tracing=tracing(os.environ if environment is None else environment),
        ptrace_scope=ptrace_scope(root),
    )


def tracing(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The names of tracing and logging variables that are set to something other than off."""
    is_on = tracing_pattern().match
    entries = (
        (name, f"{name}={value}".encode("utf-8", "surrogateescape")) for name, value in environment.items()
    )
    return tuple(sorted(name for name, entry in entries if is_on(entry)))


def tracing_pattern() -> "re.Pattern[bytes]":
    """Finds such a variable in an environment as the kernel keeps it: entries that end in a zero byte."""
    return re.compile(
        rb"(?<![^\0])(?!OTEL_SDK_DISABLED=)"
        rb"(?:(?:LANGSMITH_|LANGCHAIN_|OTEL_|ANTHROPIC_OPEN_TELEMETRY)[^=\0]*|[^=\0]*_LOG)="
        rb"(?!\s*(?:0|false|no|off|none)?\s*(?:\0|\Z))",
        re.IGNORECASE,
    )


def real_root(root: Path = Path("/")) -> Fact[bool]:
    """Whether this process is root of the machine: user 0, and every user mapped to itself."""
    whole = read(root / "proc/self/uid_map", lambda text: text.split() == ["0", "0", "4294967295"])
    return Known(whole.value and os.geteuid() == 0) if isinstance(whole, Known) else whole


def swap(root: Path = Path("/")) -> Fact[tuple[Swap, ...]]:
    """Where the kernel may write memory to. Compressed memory (zram) counts: it outlives the process too."""

    def parse(text: str) -> tuple[Swap, ...]:
        rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
        return tuple(Swap(row[0], int(row[2]) * 1024, int(row[3]) * 1024) for row in rows)

    return read(root / "proc/swaps", parse)


def swapped_out_pages(root: Path = Path("/")) -> Fact[int]:
    """How many pages were written to swap, compressed in memory (zswap) or not, since the kernel started."""

    def parse(text: str) -> int:
        counts = dict(line.split(" ", 1) for line in text.splitlines())
        return int(counts["pswpout"]) + int(counts.get("zswpout", "0"))

    return read(root / "proc/vmstat", parse)


def init_on_free(root: Path, release: str) -> Fact[bool]:
    """Whether the kernel zeroes freed pages: its command line decides, and without it how it was built."""
    words = read(root / "proc/cmdline", str.split)
    if isinstance(words, Unknown):
        return words
    said = [word.partition("=")[2] for word in words.value if word.startswith("init_on_free=")]
    if said:
        return Known(said[-1].lower() in {"1", "y", "t", "yes", "on", "true"}, "kernel command line")
    places = ("proc/config.gz", f"boot/config-{release}", f"lib/modules/{release}/config")
    for place in places:
        lines = read(root / place, str.splitlines)
        if isinstance(lines, Known):
            return Known("CONFIG_INIT_ON_FREE_DEFAULT_ON=y" in lines.value, "kernel configuration")
    return Unknown("the kernel's command line does not say, and its configuration cannot be read")


def ptrace_scope(root: Path = Path("/")) -> Fact[int]:
    """Yama's rule for looking into other processes; 0 where there is no Yama."""
    if (root / "proc/sys/kernel").is_dir() and not (root / "proc/sys/kernel/yama").exists():
        return Known(0, "the kernel has no Yama")
    return read(root / "proc/sys/kernel/yama/ptrace_scope", int)


def memory_lock(root: Path = Path("/")) -> Fact[int | None]:
    """How many bytes of memory can be kept out of swap; None: no limit."""
    fields = read(
        root / "proc/self/status", lambda text: dict(line.split(":\t", 1) for line in text.splitlines())
    )
    if isinstance(fields, Unknown):
        return fields
    if int(fields.value.get("CapEff", "0"), 16) >> _CAP_IPC_LOCK & 1 and real_root(root) == Known(True):
        return Known(None, "CAP_IPC_LOCK")
    return Known(_unless_infinite(resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]), "RLIMIT_MEMLOCK")


def _unless_infinite(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
