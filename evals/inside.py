"""The box of an evaluation from within: plays cases one after the other, scores them, and says rows.

    python -m evals.inside CONTROL_FD [CHANNEL_FD] [closed]

In order: import everything, hear what is to be played, rehearse, close the box, say so; then a case, its row, and so on
until the other side hangs up. Nothing is ever printed. Whatever goes wrong ends the box: that case has no result.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from delegates.models.interface import Model
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import ModelSpec
from evals import suites
from evals.attack import DISGUISES
from evals.boxed import LARGEST_BYTES, LARGEST_CASE_BYTES, READY, Load, Play, asked
from evals.case import CONTROL, Case
from evals.suite import Moves, Request, Suite
from evals.sweep import here
from sandbox import frame
from sandbox.channel import ChannelModel, Connection
from sandbox.rehearsal import rehearse


def main() -> NoReturn:
    """Be the box."""
    try:
        arguments = sys.argv[1:]
        closed = arguments[-1:] == ["closed"]
        _run(*map(int, arguments[: len(arguments) - closed]), closed=closed)
    except BaseException:  # noqa: BLE001, S110 - nobody is told: whoever waits sees the end
        pass
    finally:
        os._exit(1)


def _run(control: int, channel: int | None = None, *, closed: bool) -> None:
    rehearse()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    load = Load.model_validate_json(frame.receive(control, LARGEST_BYTES))
    kept: list[Moves] = []
    request = replace(
        load.parcel.request(), keep=(lambda _, moves: kept.append(moves)) if load.keep else None
    )
    chosen = {name: suites.load(name) for name in load.parcel.suites}
    loop.run_until_complete(_rehearse(chosen, request))
    connection = None if channel is None else loop.run_until_complete(Connection.open(channel))
    request = replace(request, open=Opener(load, request, connection))
    if closed:
        from sandbox.isolation.harden import harden  # noqa: PLC0415 - also where nothing can be closed

        harden()
    run = here(chosen, request)
    frame.send(control, READY)
    while True:
        case = Case.model_validate_json(frame.receive(control, LARGEST_CASE_BYTES))
        kept.clear()
        row = loop.run_until_complete(run(case))
        play = Play(row=row, moves=kept[-1] if kept else None)
        frame.send(control, play.model_dump_json().encode())


async def _rehearse(chosen: Mapping[str, Suite], request: Request) -> None:
    """Play the controls once: what is loaded at its first use cannot be loaded in a closed box."""
    for disguise in DISGUISES.values():
        disguise("a hundred and 20")  # Python reads its codecs from files
    for suite in chosen.values():
        arms: set[str] = set()
        for case in suite.cases(request):
            if case.model == CONTROL and case.arm not in arms:
                arms.add(case.arm)
                await suite.run(case, replace(request, keep=None))


class Opener:
    """Opens models where there are no files and no network: scripts that came along, and those of the broker.

    Args:
        load: What is played.
        request: The same as a request.
        connection: To the broker, if there is one.
    """

    def __init__(self, load: Load, request: Request, connection: Connection | None) -> None:
        self._scripts = load.scripts
        self._places = {spec: place for place, spec in enumerate(asked(request))}
        self._connection = connection

    def __call__(self, spec: ModelSpec, seed: int) -> Model:  # noqa: ARG002 - the broker has opened it
        """A model for one negotiation."""
        if spec.provider == "scripted":
            return ScriptedModel.from_text(self._scripts[str(spec)], spec.public)
        assert self._connection is not None, "somebody has to be asked"
        return ChannelModel(self._connection, self._places[spec], spec.public)


if __name__ == "__main__":
    main()
