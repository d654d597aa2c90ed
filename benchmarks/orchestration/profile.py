"""Where the CPU of a move of ours goes: samples of the call stack, each given to what it was doing.

    python -m benchmarks.orchestration.profile [--peer box] [--negotiations 200] [--at-once 1]

A sample counts for the innermost part that is on its stack; for nothing of ours, for the event loop. Sampling costs a
few per cent; shares are what counts. One model, no latency. Linux only.
"""

import argparse
import asyncio
import gc
import signal
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

from benchmarks.orchestration.bench import started_server
from benchmarks.orchestration.job import MOVES
from benchmarks.orchestration.measure import Measurement
from evals import command

_EVERY_SECONDS = 0.001
# the names of functions, or of packages that end in a slash
_PARTS = {
    "asking the model: prompt to JSON, HTTP, retry, budget": ("Conversation.ask",),
    "guard, messages": ("Guard.check_message",),
    "guard, moves": ("Guard.check",),
    "advisor": ("UtilityAdvisor.advise", "_Bidding.better"),
    "prompts and replies": ("LLMDelegate.decide",),
    "building the delegates": ("Seating.seat",),
    "referee": ("Referee.check", "Referee.settle"),
    "LangGraph": ("langgraph/", "langchain_core/"),
    "the box: binding briefs, result, statement": ("Box.run",),
}
_REST = "event loop and sockets"


class Sampler:
    """Counts, while it is on, what this process spends its CPU on."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> "Sampler":
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            name, file = frame.f_code.co_qualname, frame.f_code.co_filename
            for part, marks in _PARTS.items():
                if name in marks or any(mark.endswith("/") and f"/{mark}" in file for mark in marks):
                    self.counts[part] += 1
                    return
            frame = frame.f_back
        self.counts[_REST] += 1


async def profile(peer: str, port: int, negotiations: int, at_once: int) -> tuple[Counter[str], float]:
    """The samples, and the CPU milliseconds of a move."""
    measurement = Measurement(peer, port, 0, audit=False)
    await measurement.negotiate(5, 1)
    gc.collect()
    with Sampler() as sampler:
        found = await measurement.negotiate(negotiations, at_once)
    await measurement.close()
    return sampler.counts, found["cpu_seconds"] / negotiations / MOVES * 1000


def main() -> int:
    """Profile and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", choices=["box", "box_unadvised"], default="box")
    parser.add_argument("--negotiations", type=command.whole(1), default=200)
    parser.add_argument("--at-once", type=command.whole(1), default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orchestration-") as folder, started_server(Path(folder)) as port:
        counts, each = asyncio.run(profile(options.peer, port, options.negotiations, options.at_once))
    total = counts.total()
    print(f"{options.peer}: {each:.2f} ms of CPU a move, {total} samples\n\n| part | share |\n|---|---|")
    for part, count in counts.most_common():
        print(f"| {part} | {100 * count / total:.0f} % |")
    return command.OK


if __name__ == "__main__":
    command.run(main)
