"""The checks of a purge: what was seen of the processes, and of the machine, becomes ok, failed or unmeasured.

Covered: wiped, no core dump, no swap, tracing off, no files.
Not covered: see each check; what cannot be known is unmeasured, never ok. Details are coarse and hold nothing that
a process wrote: one that is hostile could speak through names and figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from sandbox import host
from sandbox.fact import Known, Unknown
from sandbox.host import Facts
from sandbox.memory import Wiped
from sandbox.witness import Witness

Result: TypeAlias = Literal["ok", "failed", "unmeasured"]

Seen: TypeAlias = Mapping[str, Sequence[Witness]]
"""Every process of each child of the run; none for a child that had ended before the purge."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked."""

    name: str
    result: Result
    detail: str
    """Why; figures. Never content."""


def wiped(child: str, wiped: Sequence[Wiped], facts: Facts) -> Check:
    """Whether a child was overwritten in full, or the kernel zeroes what it gave back."""
    name = f"wiped {child}"
    zeroed = isinstance(facts.init_on_free, Known) and facts.init_on_free.value
    done = sum(one.bytes for one in wiped)
    failed = sum(one.failed_bytes for one in wiped)
    figures = f"{_coarse(done)} overwritten, {_coarse(failed)} failed"
    if wiped and all(one.complete for one in wiped):
        return Check(name, "ok", figures)
    reasons = [one.reason for one in wiped if one.reason] or ["it had ended before it could be wiped"]
    why = "; ".join(dict.fromkeys(reasons)) + f" ({figures})"
    if zeroed:
        return Check(name, "ok", f"{why}; the kernel zeroes what is given back")
    return Check(name, "failed", why)


def _coarse(number: int) -> str:
    """The next power of two: the exact size is in the hands of who is wiped."""
    mebibytes = -(-number // 2**20)
    return f"{1 << (mebibytes - 1).bit_length()} MiB or less" if mebibytes else "0 bytes"


def _ended_early(seen: Seen) -> str:
    return ", ".join(name for name, family in seen.items() if not family)


def no_core_dump(seen: Seen) -> Check:
    """A process is dumped only when it dies of something else than SIGKILL, so none was that lived until now."""
    name = "no core dump"
    if any(one.dumping == Known(True) for family in seen.values() for one in family):
        return Check(name, "failed", "a process was being dumped when the purge began")
    if early := _ended_early(seen):
        return Check(name, "unmeasured", f"ended before the purge, perhaps in a crash: {early}")
    return Check(name, "ok", "all lived until they were killed")


def no_swap(seen: Seen, facts: Facts) -> Check:
    """Whether nothing of the run can be in swap."""
    name = "no swap"
    swapped = [one.swapped_bytes for family in seen.values() for one in family]
    if any(fact.value for fact in swapped if isinstance(fact, Known)):
        return Check(name, "failed", "a process was partly in swap when the purge began")
    before, now = facts.swapped_out_pages, host.swapped_out_pages()
    if isinstance(before, Known) and before == now:
        return Check(name, "ok", "the kernel wrote no page to swap during the run")
    if facts.swap == Known(()) and host.swap() == Known(()):
        return Check(name, "ok", "this machine has no swap")
    problem = next((fact.reason for fact in (before, now) if isinstance(fact, Unknown)), "")
    return Check(
        name, "unmeasured", problem or "pages were swapped out during the run, perhaps some of these"
    )


def no_tracing(seen: Seen) -> Check:
    """Whether no process of the run started with a tracing variable. One that it set later is not seen."""
    name = "tracing off"
    facts = [one.tracing for family in seen.values() for one in family]
    if any(fact.value for fact in facts if isinstance(fact, Known)):
        return Check(name, "failed", "a tracing or logging variable is set in a process of the run")
    problems = [fact.reason for fact in facts if isinstance(fact, Unknown)]
    if early := _ended_early(seen):
        problems.append(f"ended before the purge: {early}")
    if problems or not facts:
        return Check(name, "unmeasured", "; ".join(dict.fromkeys(problems)) or "there was no process")
    return Check(name, "ok", "no tracing or logging variable in any process of the run")


def no_files(seen: Seen, folders: Sequence[Path]) -> Check:
    """Whether no process of the run could leave a file behind."""
    name = "no files"
    family = [one for family in seen.values() for one in family]
    if any(one.writing.value for one in family if isinstance(one.writing, Known)):
        return Check(name, "failed", "a file was open for writing when the purge began")
    try:
        left = sum(1 for folder in folders if folder.exists() and any(folder.iterdir()))
    except OSError as error:
        return Check(name, "unmeasured", f"a folder cannot be read: {error.strerror}")
    if left:
        return Check(name, "failed", f"{left} folders of the run still hold files")
    problems = [
        fact.reason for one in family for fact in (one.writing, one.file_limit) if isinstance(fact, Unknown)
    ]
    if any(isinstance(one.file_limit, Known) and one.file_limit.value != 0 for one in family):
        problems.append("a process was allowed to write files, and may have closed some")
    if early := _ended_early(seen):
        problems.append(f"ended before the purge: {early}")
    if problems or not family:
        return Check(name, "unmeasured", "; ".join(dict.fromkeys(problems)) or "there was no process")
    return Check(name, "ok", "no process could write a file")
