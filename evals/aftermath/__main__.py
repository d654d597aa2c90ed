"""What is left of a canary after every way in which a run can end: `python -m evals.aftermath`.

Each ending is a real run of a made-up sale with the strongest walls there are, a scripted model and a model server on
loopback: `negbox run`, or for two parties `negbox box open` and `negbox box run`. A table says for each ending and
instrument: clean, FOUND, or unmeasured with the reason; and whether exit codes and result were as they are due.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from bargaining.errors import SandboxError
from evals import command
from evals.aftermath.ending import ENDINGS, Ending
from evals.aftermath.instrument import INSTRUMENTS, Finding
from evals.aftermath.trial import Trial, hold
from sandbox import host

FOUND = 1


def main() -> int:
    """Hold all trials and write the table."""
    options = _options()
    chosen = [ending for ending in ENDINGS if options.only in ending.name]
    trials, code = command.gather(
        _trials(chosen), lambda number, trial: f"{number}/{len(chosen)} {trial.ending}"
    )
    if options.json:
        sys.stdout.write(json.dumps([asdict(trial) for trial in trials], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(table(trials)) + "\n")
    found = any(finding.result == "found" for trial in trials for finding in trial.findings.values())
    return code or (FOUND if found or any(trial.wrong for trial in trials) else command.OK)


def table(trials: Sequence[Trial]) -> list[str]:
    """Endings by instruments; below it, whatever is not clean or not as it is due, with its reason; and the sums."""
    width = max([len(trial.ending) for trial in trials] + [6])
    heads = [f"{'ending':<{width}}", f"{'exit':>7}", "as due", *(f"{name:<10}" for name in INSTRUMENTS)]
    lines = ["  ".join([*heads, "held before"])]
    remarks: dict[str, list[str]] = {}
    for trial in trials:
        results = [trial.findings[name].result for name in INSTRUMENTS]
        shown = [f"{result.upper() if result == 'found' else result:<10}" for result in results]
        codes = "/".join(map(str, trial.codes.values())) or "-"
        lines.append(
            "  ".join([f"{trial.ending:<{width}}", f"{codes:>7}", _as_due(trial), *shown, _held(trial)])
        )
        said = [
            f"{name} {trial.findings[name].result}: {trial.findings[name].detail}"
            for name in INSTRUMENTS
            if trial.findings[name].result != "clean"
        ]
        for remark in (*said, *(f"not as due: {problem}" for problem in trial.wrong or ())):
            remarks.setdefault(remark, []).append(trial.ending)
    every = len(trials)
    lines += [
        f"{remark} [{'all' if len(names) == every else '; '.join(names)}]"
        for remark, names in remarks.items()
    ]
    clean = sum(finding.result == "clean" for trial in trials for finding in trial.findings.values())
    due = sum(trial.wrong == () for trial in trials)
    return [*lines, f"{clean} of {every * len(INSTRUMENTS)} clean; {due} of {every} ended as due"]


def _as_due(trial: Trial) -> str:
    if trial.wrong is None:
        return f"{'-':<6}"
    return f"{'NO' if trial.wrong else 'yes':<6}"


def _held(trial: Trial) -> str:
    if not trial.held:
        return "-"
    holders = [name for name, holds in trial.held.items() if holds]
    unread = [f"{name} unmeasured" for name, holds in trial.held.items() if holds is None]
    return ", ".join(holders + unread) or "nobody"


def _trials(endings: Sequence[Ending]) -> Iterator[Trial]:
    facts = host.gather()
    for ending in endings:
        try:
            yield hold(ending, facts)
        except (SandboxError, OSError) as error:  # of a made-up sale, and neither holds what was read
            problem = error.strerror if isinstance(error, OSError) else str(error)
            unmeasured = Finding("unmeasured", f"the run could not be ended like this: {problem}")
            yield Trial(ending.name, {}, 0.0, {}, dict.fromkeys(INSTRUMENTS, unmeasured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="endings whose names contain this")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
