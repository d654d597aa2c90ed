"""One measurement in one fresh process: so many negotiations as an evaluation, and what they took.

Linux only: memory is read from /proc. Prints one JSON object. Imported by the interpreters of two environments, so
what is not in both is imported in `benchmarks.evaluation.sweep` and `benchmarks.evaluation.inspect`.
"""

import argparse
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fresh import printed


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a way to evaluate."""

    address: str
    """Of the mock server."""
    count: int
    at_once: int
    logged: bool
    """Whether transcripts are kept, where that can be chosen."""
    scratch: str
    """A folder for what is written."""
    done: Callable[[int], None] = field(repr=False)
    """To be called after each negotiation, with how many are done, where that is possible."""


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def memory_kb(name: str = "VmRSS") -> int:
    """A line of this process's status: VmRSS now, or VmHWM, the most so far."""
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(line.split()[1] for line in status if line.startswith(name)))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The measurement that was asked for."""
    module = importlib.import_module(f"benchmarks.evaluation.{options.kind}")
    every = max(1, options.count // 20)
    memory: dict[int, int] = {}

    def done(count: int) -> None:
        if count % every == 0:
            memory[count] = memory_kb()

    def job(count: int, note: Callable[[int], None]) -> Job:
        return Job(options.address, count, options.at_once, options.logged, os.getcwd(), note)

    module.run(job(options.warm_up, lambda _: None))
    began = cpu_seconds()
    module.run(job(options.count, done))
    return {
        "negotiations": options.count,
        "cpu_seconds": cpu_seconds() - began,
        "whole_cpu_seconds": cpu_seconds(),
        "memory_kb": memory,
        "memory_peak_kb": memory_kb("VmHWM"),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--warm-up", type=int, default=8)
    parser.add_argument("--logged", action="store_true")
    parser.add_argument("--cpu", type=int, help="the only core to use")
    options = parser.parse_args()
    printed(lambda: measure(options), options.cpu)


if __name__ == "__main__":
    main()
