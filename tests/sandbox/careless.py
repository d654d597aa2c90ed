"""A box that leaks: the real one, which in addition lets a brief out in some way once it holds it.

python -m tests.sandbox.careless LEAK PORT FOLDER CONTROL_FD CHANNEL_FD RECORD_FD [closed]
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from delegates.brief import Brief
from sandbox import frame, inside, job, record
from sandbox.channel import Connection
from sandbox.session import Held
from tests.sandbox.leak import LEAKS, Outside

ALL = "all"
SPOKEN = ("raise", "panic", "die", "record", "long_record", "frame", "long_frame", "word", "field", "counter")
"""Ways to end in tears, or to say something on a line that is open."""


class Panic(BaseException):
    """What a library in Rust raises when it is broken: it is no Exception."""


class CarelessSession(inside.Session):
    """One that leaks before it negotiates, and negotiates on if it can."""

    async def negotiate(self, briefs: Mapping[str, Brief], connection: Connection) -> Held:
        """Leak, then negotiate."""
        text = briefs["seller"].narrative
        _leak(text, self._control)
        return await super().negotiate(briefs, connection)


def _leak(text: str, control: int) -> None:
    way, outside = sys.argv[1], Outside(int(sys.argv[2]), sys.argv[3])
    ended: dict[str, Any] = {"kind": "ended", "ending": None, "fault": None, "counters": {}}
    ended["spent"] = job.Spending().model_dump(mode="json")
    match way:
        case "all":
            for name in LEAKS:
                with suppress(Exception):
                    LEAKS[name](text, outside)
        case "raise":
            raise ValueError(text)
        case "panic":
            raise Panic(text)
        case "die":
            os._exit(1)
        case "record" | "long_record":

            def write(result: Agreement | NoDeal, agenda: Agenda) -> bytes:
                return text.encode() * (1 if way == "record" else 1000)

            record.write = write
        case "frame":
            frame.send(control, text.encode())
        case "word":
            _say(control, {**ended, "fault": text})
        case "field":
            _say(control, {**ended, text: text})
        case "counter":
            _say(control, {**ended, "counters": {text: {text: 7}}})
        case "long_frame":
            frame.send(control, text.encode() * 10_000)
        case _:
            LEAKS[way](text, outside)


def _say(control: int, said: object) -> None:
    import json

    frame.send(control, json.dumps(said).encode())


def main() -> None:
    """Be a box, without the care that it takes of errors and outputs."""
    control, channel, written = map(int, sys.argv[4:7])
    inside.Session = CarelessSession  # type: ignore[misc]
    try:
        inside._run(control, channel, written, closed=sys.argv[7:] == ["closed"])
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(1)


if __name__ == "__main__":
    main()
