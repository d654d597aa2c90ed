"""The rinse: memory of the kernel that a run's talk went through is taken again, full of zeros.

A wipe reaches what processes own. What they told each other was copied into buffers of the kernel too, whole prompts,
and nobody erases them when they are given back. Nobody but the kernel can; but whoever sends in the same way soon
after is given the same memory. So this process fills local sockets with zeros, holds them until all are full, and
gives everything back.

Covered: buffers of local stream sockets, in the sizes in which a kernel keeps them, and the pages behind longer ones,
on each CPU that this thread may use. Measured in guests (`benchmarks/residue_ram`, three rounds each): of a canary,
5 to 10 copies were left in all of the RAM without it, and 0 or 1 with it.
Not covered: it works by likelihood. Nothing here can tell whether it did, so it is no check. Memory that came free in
another way: pages that the kernel moved or joined to huge ones; files; TCP, beyond pages of the same kind. What others
hold meanwhile; CPUs for which `SECONDS` or this process's descriptors do not suffice. Linux only; the sizes are those
of pages of 4 KiB, and of x86-64.
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

SECONDS = 0.15
"""About when it ends at the latest: nobody should have to wait for a run that is over. Two idle CPUs take 30 ms."""
MOST_BYTES = 64 << 20
"""Of the kernel, its overheads included, over all CPUs: the more there are, the less for each. What is taken on one is
given back before the next. A control group counts it as this process's."""
_LARGEST_BUFFER = 212_992
"""What a socket is asked to hold, and the kernel doubles: the most that one without settings allows."""
_PAGE, _HEAD = 4096, 3776
_PAIRS = {
    # with 8, 4, 2, 1 pages behind it; groups of eight are cheap to take, and are what emptied smaller ones go back to
    _HEAD + 8 * _PAGE: 12,
    _HEAD + 4 * _PAGE: 4,
    _HEAD + 2 * _PAGE: 2,
    _HEAD + 1 * _PAGE: 2,
    # up to the last byte that can hold data in 4, 2, 1 KiB and 512 bytes, of which 320 bytes are the kernel's own
    _HEAD: 2,
    1728: 2,
    704: 2,
    192: 2,
}
"""How many pairs of sockets are filled, both ways, with messages of each size, on each CPU. The kernel cuts messages
into buffers of these sizes. Prompts are long, so the short come last. 56 descriptors, 23 MiB at once."""
_ZEROS = bytes(max(_PAIRS))


def rinse() -> None:
    """Fill, and give back. What this machine refuses is left out, and nothing is raised."""
    if sys.platform != "linux":
        return
    until = time.monotonic() + SECONDS
    with suppress(OSError), _free_to_move() as cpus:
        each = MOST_BYTES // (max(1, len(cpus)) * sum(_PAIRS.values()) * 2)
        # each CPU has a store of its own of what was given back on it, and serves only who runs there from it
        for cpu in cpus or (None,):
            if cpu is not None:
                with suppress(OSError):  # then this one's store may be left
                    os.sched_setaffinity(0, {cpu})
            if not _fill_all(min(_LARGEST_BUFFER, each // 2), until):
                return


@contextmanager
def _free_to_move() -> Iterator[tuple[int, ...]]:
    """The CPUs that this thread may use, and may use again afterwards; none if that cannot be told."""
    try:
        before = os.sched_getaffinity(0)
    except OSError:
        before = set()
    try:
        yield tuple(sorted(before))
    finally:
        if before:
            with suppress(OSError):
                os.sched_setaffinity(0, before)


def _fill_all(buffer_bytes: int, until: float) -> bool:
    """Fill sockets with messages of all sizes, and close them. False if the time is over.

    Raises:
        OSError: There is no other descriptor, or no memory.
    """
    with ExitStack() as held:
        for size in (size for size, pairs in _PAIRS.items() for _ in range(pairs)):
            pair = socket.socketpair()
            for end in pair:
                held.enter_context(end)
            for end in pair:
                if time.monotonic() > until:
                    return False
                _fill(end, memoryview(_ZEROS)[:size], buffer_bytes)
    return True


def _fill(end: socket.socket, zeros: memoryview, buffer_bytes: int) -> None:
    end.setblocking(False)
    with suppress(OSError):  # it is full, or the kernel has no more to give
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        while True:
            end.send(zeros)
