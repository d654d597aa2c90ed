"""Ours, as a user has it, without the advisor: the model alone decides, between guard and referee."""

from benchmarks.orchestration.peers import box


class Peer(box.Peer):
    """Without the advisor."""

    advised = False
