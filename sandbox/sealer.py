"""The sealer: a process for one run, the only one that reads a file with both briefs; it seals each to the box.

    python -m sandbox.sealer CONTROL_FD FILE_FD [closed]

It is asked for the outline of the scenario, whether the briefs fit a job, and at last for the sealed briefs.
Then it waits to be wiped. Covered: what it says of a file that cannot be used names places and never values.
Not covered: the file itself, which stays with its owner.
"""

import os
import sys
from contextlib import suppress
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from delegates.scenario import Outline, Scenario, load_stream
from sandbox import frame
from sandbox.briefing import check_fit, seal_all
from sandbox.job import LARGEST_BYTES, Job
from sandbox.rehearsal import rehearse
from sandbox.seal import PublicKey

LONGEST_PROBLEM = 8000
"""Characters of what is wrong with a file."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Problem(_Said):
    """What is wrong, as its owner is to read it."""

    problem: str


class Public(_Said):
    """All of a scenario but its briefs."""

    agenda: Agenda
    models: dict[str, str]
    prompts: dict[str, str]
    synthetic: bool

    @classmethod
    def of(cls, outline: Outline) -> "Public":
        """From a scenario that was read."""
        return cls(
            agenda=outline.agenda,
            models=dict(outline.models),
            prompts=dict(outline.prompts),
            synthetic=outline.synthetic,
        )

    @property
    def outline(self) -> Outline:
        """The same as an outline."""
        return Outline(self.agenda, self.models, self.prompts, self.synthetic)


class Fits(_Said):
    """The briefs fit the job."""

    fits: bool = True


Answer: TypeAlias = Public | Fits | Problem
ANSWERS: TypeAdapter[Answer] = TypeAdapter(Answer)


class Fitting(_Said):
    """Whether the briefs fit a job."""

    kind: Literal["fitting"] = "fitting"
    job: Job


class Sealing(_Said):
    """What to seal to; the last question."""

    kind: Literal["sealing"] = "sealing"
    job: Job
    key: PublicKey


_QUESTIONS: TypeAdapter[Fitting | Sealing] = TypeAdapter(
    Annotated[Fitting | Sealing, Field(discriminator="kind")]
)


def main() -> None:
    """Be the sealer. Nothing is said about what was unforeseen."""
    control, file = map(int, sys.argv[1:3])
    try:
        rehearse()  # what is loaded at first use cannot be loaded later
        if sys.argv[3:] == ["closed"]:
            from sandbox.isolation.harden import harden  # noqa: PLC0415 - also where nothing can be closed

            harden()
        _serve(control, file)
    except BaseException:  # noqa: BLE001 - it may hold a brief, and this has to be wiped
        with suppress(BaseException):
            frame.send(control, b"")  # who waits for an answer must not wait for ever
    frame.wait_for_end(control)
    os._exit(0)


def _serve(control: int, file: int) -> None:
    name = frame.receive(control, LARGEST_BYTES).decode()
    scenario: Scenario | None = None
    answer: Answer
    try:
        with os.fdopen(file, "rb") as stream:
            scenario = load_stream(stream, name)
        answer = Public.of(scenario)
    except InvalidInputError as error:
        answer = _problem(error)
    _say(control, answer)
    if scenario is None:
        return
    while isinstance(question := _hear(control), Fitting):
        try:
            check_fit(question.job, scenario.briefs)
            answer = Fits()
        except InvalidInputError as error:
            answer = _problem(error)
        _say(control, answer)
    for sealed in seal_all(question.job, scenario.briefs, question.key):
        frame.send(control, sealed)


def _problem(error: InvalidInputError) -> Problem:
    return Problem(problem=str(error)[:LONGEST_PROBLEM])


def _hear(control: int) -> Fitting | Sealing:
    return _QUESTIONS.validate_json(frame.receive(control, LARGEST_BYTES))


def _say(control: int, answer: Answer) -> None:
    frame.send(control, answer.model_dump_json().encode())


if __name__ == "__main__":
    main()
