"""How many CPU cores the embedded engine should use.

The engine's threads wait for each other by spinning, many times per token. One core that is busy with something
else then holds up all of them: measured on 2 cores beside one busy process, 2 threads decode 1.7 tokens/s and
1 thread 9. So the engine gets as many threads as there are free cores when it starts.
"""

import asyncio
import os
from pathlib import Path

_SAMPLE_SECONDS = 0.25
_STAT = Path("/proc/stat")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


async def free_cores() -> int:
    """The cores that this process may use and that nothing else keeps busy; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if (quota := _quota()) is not None:
        allowed = min(allowed, quota)
    before = _idle_and_total()
    if allowed == 1 or before is None:
        return max(1, allowed)
    await asyncio.sleep(_SAMPLE_SECONDS)
    after = _idle_and_total()
    if after is None or after[1] == before[1]:
        return allowed
    idle_share = (after[0] - before[0]) / (after[1] - before[1])
    return max(1, min(allowed, round(idle_share * (os.cpu_count() or 1))))


def _quota() -> int | None:
    """How many cores' worth of time the container grants (cgroup version 2)."""
    try:
        limit, period = _QUOTA.read_text("ascii").split()
        return None if limit == "max" else max(1, -(-int(limit) // int(period)))
    except (OSError, ValueError):
        return None


def _idle_and_total() -> tuple[int, int] | None:
    """Clock ticks of all cores since boot: idle, and altogether."""
    try:
        ticks = [int(word) for word in _STAT.read_text("ascii").splitlines()[0].split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    except (OSError, ValueError, IndexError):
        return None
