"""Samples of the call stack, each given to what it was doing: in this process, or in a box or a broker at work.

    python -m benchmarks.box.sampling PIPE_FD MODULE ARGUMENTS...     run a module, a byte for each sample

A sample counts for the innermost part on its stack; for nothing of ours, for the event loop. It works behind walls
too: timer, handler and pipe are there before the process closes itself. (A purge would object to a file.)
"""

import os
import runpy
import signal
import sys
from collections import Counter
from contextlib import suppress
from types import FrameType

EVERY_SECONDS = 0.001
PARTS: dict[str, tuple[str, ...]] = {
    "channel: a message to bytes": ("sandbox/message.py:encode",),
    "channel: bytes to a message": ("sandbox/message.py:decode",),
    "channel: questions and answers as values": (
        "sandbox/transcript.py:",
        "Reply.of",
        "Broker._refusal",
    ),
    # by file: aiohttp has a class of the name Connection too
    "channel: the rest of it": ("sandbox/channel.py:", "sandbox/broker.py:Broker.", "sandbox/frame.py:"),
    "opening: keys, job, sealed briefs": ("sandbox/seal.py:", "sandbox/job.py:", "_unseal", "BoxKey."),
    "saying how it goes, and hearing it": ("Session._observe", "Session.end", "sandbox/account.py:"),
    "asking the model: prompt to JSON, HTTP, retry": ("Tally.ask", "delegates/models/"),
    "conversation, budget": ("Conversation.ask",),
    "guard, messages": ("Guard.check_message",),
    "guard, moves": ("Guard.check",),
    "advisor": ("UtilityAdvisor.advise", "_Bidding.better"),
    "prompts and replies": ("LLMDelegate.decide",),
    "referee": ("Referee.check", "Referee.settle"),
    "LangGraph": ("langgraph/", "langchain_core/"),
    "binding briefs, building the delegates, result": (
        "Seating.",
        "Session.negotiate",
        "Box.run",
        "Brief.bind",
    ),
}
REST = "event loop and sockets"
NAMES = (*PARTS, REST)


def part_of(frame: FrameType | None) -> str:
    """What a stack is doing."""
    while frame is not None:
        name = frame.f_code.co_qualname
        place = f"{frame.f_code.co_filename}:{name}"
        for part, marks in PARTS.items():
            if any(f"/{mark}" in place if "/" in mark else name.startswith(mark) for mark in marks):
                return part
        frame = frame.f_back
    return REST


def read(pipe: int) -> Counter[str]:
    """What was counted since the last time."""
    found: Counter[str] = Counter()
    with suppress(BlockingIOError):
        while samples := os.read(pipe, 1 << 16):
            found.update(NAMES[sample] for sample in samples)
    return found


def main() -> None:
    """Count from now on, and be the module."""
    descriptor, module, *arguments = sys.argv[1:]
    pipe = int(descriptor)
    os.set_blocking(pipe, False)
    said = {name: bytes([place]) for place, name in enumerate(NAMES)}

    def sample(_: int, frame: FrameType | None) -> None:
        with suppress(OSError):  # it is full, or nobody reads it any more
            os.write(pipe, said[part_of(frame)])

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
