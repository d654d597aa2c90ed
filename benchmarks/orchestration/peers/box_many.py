"""Ours with the advisor, in a process that is set up to run many boxes: it looks for garbage less often.

Python's collector looks at everything young after each 700 new objects. Hundreds of negotiations at once keep far
more than that alive, so it mostly finds nothing. A process that runs many boxes can say so in one line; a library
must not, because the setting is the whole process's.
"""

import gc

from benchmarks.orchestration.peers import box


class Peer(box.Peer):
    """With the advisor, guard and referee on."""

    def __init__(self, address: str) -> None:
        gc.set_threshold(20_000, 20, 10)
        super().__init__(address)
