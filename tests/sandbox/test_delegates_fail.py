"""An error that holds one side's brief: nothing of it is within the other's reach, and none of it leaves the box.

Covered: a model, a tactic, a bar and a prompt that fail with the brief in message, cause, context, notes and frames;
errors that end a run and errors that it survives; the other side being called off meanwhile; results, logs, warnings
and output.
Not covered: the message of an error of our own kinds (`bargaining.errors`), which leaves as it is: whoever raises one
answers for it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, ClassVar, NoReturn

import pytest

from bargaining.agreement import NoDeal
from bargaining.errors import ModelTransientError, ModelUnavailableError, NegboxError, UnforeseenError
from delegates.budget import Budget
from delegates.models.interface import Completion, Model, Request
from delegates.models.spec import ModelSpec
from delegates.prompt import PromptPack
from sandbox import seating
from sandbox.box import Box, Released
from sandbox.session import Held
from tests.sandbox.eyes import Eyes
from tests.sandbox.reach import objects
from tests.sandbox.sides import Cast, Kind, Protocol, Side, Talker, agenda, is_second, sides

PROTOCOLS: tuple[Protocol, ...] = ("alternating_offers", "single_text")


def fail(told: str, kind: Callable[[str], Exception]) -> NoReturn:
    """Fail with all that was told: in the message, a note, the cause, the context and the frames."""
    try:
        raise KeyError(told)
    except KeyError as cause:
        error = kind(told)
        error.add_note(told)
        raise error from cause


def ours(told: str) -> Exception:
    """An error of ours whose message says nothing."""
    return ModelUnavailableError("gone")


class Failing(Talker):
    """Fails in its second turn."""

    kind: Callable[[str], Exception] = staticmethod(ValueError)

    async def complete(self, request: Request) -> Completion:
        if is_second(request):
            fail(request.system, self.kind)
        return await super().complete(request)


class FailingOurs(Failing):
    kind = staticmethod(ours)


class Unsteady(Failing):
    """Fails for now: its side goes on without it."""

    kind = ModelTransientError


def run(cast: Cast, both: Mapping[str, Side], models: Mapping[str, type[Talker]]) -> Released:
    def opener(spec: ModelSpec, seed: int) -> Model:
        return models.get(spec.name, Talker)(spec)

    box = Box(cast.seats(both), Budget(), mediator=cast.mediator, opener=opener)
    return asyncio.run(box.run(agenda(cast.protocol), {role: one.brief for role, one in both.items()}))


def told(both: Mapping[str, Side], *roots: object) -> list[str]:
    """What of either brief is within reach."""
    found = [f"the {role}'s {what}" for role, one in both.items() for what in one.secrets.reached(*roots)]
    return found + ["an object"] * bool(objects(*roots) & objects(*(one.brief for one in both.values())))


# what of the seller fails, and how it is made to
def _model(patch: pytest.MonkeyPatch, both: Mapping[str, Side]) -> type[Talker]:
    return Failing


def _tactic(patch: pytest.MonkeyPatch, both: Mapping[str, Side]) -> type[Talker]:
    secret = both["seller"].brief.narrative

    class FailingTactic:
        def __init__(self, *_: object) -> None:
            pass

        def move(self, view: object) -> NoReturn:
            fail(secret, ValueError)

        signs = move

    patch.setattr(seating, "TACTICS", {"steady": FailingTactic})
    patch.setattr(seating, "RisingBar", FailingTactic)
    return Talker


def _prompt(patch: pytest.MonkeyPatch, both: Mapping[str, Side]) -> type[Talker]:
    def failing(pack: PromptPack, prompt: object) -> str:
        if pack is both["seller"].pack:
            fail(both["seller"].brief.narrative, ValueError)
        return "Go on."

    patch.setattr(PromptPack, "turn", failing)
    patch.setattr(PromptPack, "answer", failing)
    return Talker


FAULTS: Mapping[str, tuple[Kind, Any]] = {
    "a model": ("model", _model),
    "an advised model": ("advised", _model),
    "a tactic": ("tactic", _tactic),
    "a prompt": ("model", _prompt),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_of_an_error_nothing_but_its_type_leaves_the_box(
    protocol: Protocol,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    both = sides()
    kind, breaking = FAULTS[fault]
    caplog.set_level(logging.DEBUG)
    released = run(
        Cast(protocol, {"seller": kind, "buyer": "model"}), both, {"seller": breaking(monkeypatch, both)}
    )
    assert released.result == NoDeal()
    assert isinstance(released.error, UnforeseenError)
    assert str(released.error) == "an unforeseen error of type ValueError"
    assert told(both, released, repr(released), str(released.error)) == []
    assert told(both, caplog.text, [vars(record) for record in caplog.records], *capfd.readouterr()) == []


@pytest.mark.parametrize("failing", [Failing, FailingOurs, Unsteady])
@pytest.mark.parametrize("kind", ["model", "advised"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_error_of_one_side_is_not_within_reach_of_the_other(
    protocol: Protocol, kind: Kind, failing: type[Failing]
) -> None:
    both = sides()
    cast = Cast(protocol, {"seller": kind, "buyer": "model"}, mediated=True)
    eyes = Eyes(both, cast.seat(both, lambda spec: (failing if spec.name == "seller" else Talker)(spec)))
    raised: list[BaseException] = []
    try:
        asyncio.run(eyes.negotiate())
    except (ValueError, NegboxError) as error:
        raised.append(error)
    assert eyes.found == []
    assert eyes.looks["buyer"] >= (8 if failing is Unsteady else 3)
    assert bool(raised) == (failing is not Unsteady)
    if raised:
        assert told(both, raised)  # the walk finds it where it is


class Patient(Talker):
    """Waits in its second turn until it is called off."""

    look: ClassVar[Callable[[object], None]]

    async def complete(self, request: Request) -> Completion:
        if not is_second(request):
            return await super().complete(request)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as caught:
            Patient.look((caught, request, *copy_context().values()))
            raise
        raise AssertionError("never")


def test_a_side_that_is_called_off_because_the_other_failed_does_not_see_why() -> None:
    def look(reached: object) -> None:
        found.append({role for role, one in both.items() if one.secrets.reached(reached)})

    found: list[set[str]] = []
    both = sides()
    Patient.look = look
    cast = Cast("single_text", {"seller": "model", "buyer": "model"})
    released = run(cast, both, {"seller": Failing, "buyer": Patient})
    assert isinstance(released.error, UnforeseenError)
    assert found == [{"buyer"}]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_error_of_ours_leaves_the_box_without_frames_cause_and_context(protocol: Protocol) -> None:
    both = sides()
    released = run(Cast(protocol, {"seller": "model", "buyer": "model"}), both, {"seller": FailingOurs})
    assert str(released.error) == "gone"
    assert told(both, released) == []


def test_an_interruption_leaves_the_box_without_frames() -> None:
    async def interrupt() -> Released:
        running = asyncio.ensure_future(box.run(agenda("alternating_offers"), briefs))
        Talker.attend = lambda request: [running.cancel()].clear()
        return await running

    both = sides()
    briefs = {role: one.brief for role, one in both.items()}
    seats = Cast("alternating_offers", {"seller": "model", "buyer": "model"}).seats(both)
    box = Box(seats, Budget(), opener=lambda spec, _: Talker(spec))
    try:
        released = asyncio.run(interrupt())
    finally:
        Talker.attend = None
    assert isinstance(released.error, asyncio.CancelledError)
    assert told(both, released) == []


@pytest.mark.parametrize("kept", ["text", "cause", "frames", "notes"])
def test_an_error_that_tells_is_found(kept: str) -> None:
    both = sides()
    secret = both["seller"].brief.narrative
    error: NegboxError = ModelUnavailableError("gone")
    match kept:
        case "text":
            error = ModelUnavailableError(secret)
        case "cause":
            error.__cause__ = ValueError(secret)
        case "notes":
            error.add_note(secret)
        case _:
            try:
                fail(secret, ours)
            except ModelUnavailableError as caught:
                error.__traceback__ = caught.__traceback__
    assert told(both, Held(error=error))
