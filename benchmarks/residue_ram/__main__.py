"""Boot a guest, run `negbox` in it, and look through all of its RAM for what is left of a brief.

    python -m benchmarks.residue_ram --kernel kernel/boot/vmlinuz-6.1.0-56-amd64
    python -m benchmarks.residue_ram --cases alive,shipped    some of them

Each case has a guest of its own: a Debian kernel under QEMU without hardware help, with this machine's Python and our
code. The guest's RAM is memory of ours. It is stopped and read as a whole when the run is about to be purged, and when
all is over. In each guest a process with a second canary stays alive: if that is not found, nothing was measured.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bargaining.errors import SandboxError
from benchmarks.residue_ram import image, machine, preflight
from benchmarks.residue_ram.canary import derive
from benchmarks.residue_ram.case import CASES, Case
from benchmarks.residue_ram.finding import Finding, by_owner, copies, judged, table
from benchmarks.residue_ram.guest.owners import unpack
from benchmarks.residue_ram.preflight import Tools
from benchmarks.residue_ram.ram import Look, look, owned
from evals import command
from evals.scan import Hit

MISSING = 3
UNMEASURED = 1
GUEST_SECONDS = 900.0


def main() -> int:
    """Measure, and print the table."""
    options = _options()
    if lacking := preflight.missing(options.kernel, options.memory):
        sys.stderr.write("Missing:\n" + "".join(f"- {each}\n" for each in lacking))
        return MISSING
    tools = preflight.find(options.kernel)
    cases = [case for case in CASES if case.name in options.cases] * options.rounds
    findings, code = command.gather(
        _measured(cases, tools, options.memory, options.words),
        lambda number, one: f"{number}/{len(cases)} {one.case.name}: {_told(one)}",
    )
    text = "\n".join([*table(findings), "", _machine(tools, options.memory)]) + "\n"
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)
    return code or (UNMEASURED if any(one.problem for one in findings) else command.OK)


def _measured(cases: Sequence[Case], tools: Tools, memory_mib: int, words: str) -> Iterator[Finding]:
    """Each case in turn.

    Raises:
        SandboxError: A control failed: then nothing after it would mean anything.
    """
    files = os.memfd_create("files")
    with os.fdopen(files, "wb") as archive:
        image.write(archive, tools.bubblewrap)
        for case in cases:
            found = _measure(case, tools, files, memory_mib, words)
            yield found
            if found.problem and case.expected != "measured":
                raise SandboxError(f"{case.name}: {found.problem}. So there is no result")


def _measure(case: Case, tools: Tools, files: int, memory_mib: int, words: str) -> Finding:
    word = secrets.token_hex(8)
    line = f"residue.case={case.name} residue.word={word} init_on_free={int(case.zeroing)} {words}"
    begun = time.monotonic()
    looks: dict[str, Look] = {}
    whose: dict[str, bytes] = {}
    left: tuple[Hit, ...] = ()
    try:
        with machine.started(tools, files, memory_mib, line) as guest:
            while True:
                event, told = guest.said(GUEST_SECONDS)
                if event == "failed":
                    raise SandboxError(f"in the guest: {told}")
                if event == "halted":
                    whose = {name: unpack(packed) for name, packed in told.items()}
                canary = derive(word, "brief")
                with guest.stopped():
                    looks[event] = look(guest.ram, canary, derive(word, "control"))
                    left = owned(guest.ram, canary, whose) if whose and looks[event].brief.hits else ()
                if event == "ended":
                    break
                guest.go_on()
    except SandboxError as error:
        problem = str(error)
    else:
        problem = judged(case, told, looks.get("halted"), looks["ended"])
    seconds = time.monotonic() - begun
    return Finding(case, seconds, looks.get("halted"), looks.get("ended"), left, problem)


def _told(one: Finding) -> str:
    if one.problem or one.left is None:
        return f"no measurement: {one.problem}"
    before = f"{copies(one.alive.brief)} copies, then " if one.alive else ""
    whose = ", ".join(f"{name} {count}" for name, count in by_owner(one.owned).items())
    return f"{before}{copies(one.left.brief)} copies{f' ({whose})' if whose else ''}, {one.seconds:.0f} s"


def _machine(tools: Tools, memory_mib: int) -> str:
    return f"Guest: {memory_mib} MiB, two processors, {tools.kernel.name}, QEMU (TCG); all of its RAM read."


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.residue_ram",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kernel", type=Path, help="a vmlinuz; without it the newest in /boot")
    names = [case.name for case in CASES]
    parser.add_argument(
        "--cases", type=_names, default=names, metavar="NAMES", help=f"some of {','.join(names)}"
    )
    parser.add_argument("--rounds", type=command.whole(1), default=1, help="how often each case is measured")
    parser.add_argument(
        "--memory", type=command.whole(512), default=1024, metavar="MIB", help="the guest's RAM"
    )
    parser.add_argument(
        "--words", default="", help="more for the guest's kernel, such as transparent_hugepage=never"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the table is written too")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names, known = text.split(","), {case.name for case in CASES}
    if unknown := set(names) - known:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    command.run(main)
