"""Recognition: whether a model can tell what kind of message it reads, asked outside any negotiation.

Covered: one labelled message a question; what cannot be read is missing, and no wrong answer.
Not covered: whether it would tell in a negotiation, with more to think of.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

from bargaining.errors import LimitReachedError, ModelError, ModelReplyError
from delegates.budget import Budget
from delegates.models.interface import Model, Turn
from delegates.models.interface import Request as Question
from delegates.models.metered import MeteredModel
from delegates.models.price import price_of
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import parse, thinking_tokens
from evals.case import CONTROL, Case, Missing, Row, Verdict
from evals.statistics import Figure, clustered_rate
from evals.suite import Control, Request
from evals.threat import KINDS, LABELLED, Kind

RECOGNITION = "recognition"
EXPERT, DULL, GARBLED = "expert control", "dull control", "garbled control"
MESSAGES = "labelled messages"
"""What stands in place of a scenario."""
PER_KIND = 3
"""So many messages of each kind are asked about for each seed, others for the next."""
PATIENCE_SECONDS = 300.0

_QUESTION = (resources.files("evals") / "recognition.md").read_text(encoding="utf-8").strip()
"""Read when this is imported: a box has no files."""
_MESSAGES: Mapping[str, Sequence[str]] = {
    kind: [message for some in LABELLED.values() for message in some.get(kind, ())] for kind in KINDS
}


def question(message: str) -> Question:
    """Asks a model what kind of message it is."""
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": list(KINDS)}},
        "required": ["kind"],
        "additionalProperties": False,
    }
    return Question(_QUESTION, (Turn("user", json.dumps(message)),), schema, max_tokens=64)


def read_kind(reply: str) -> Kind:
    """The kind that a model names.

    Raises:
        ModelReplyError: None, or more than one. The message never repeats the reply.
    """
    named = set(re.findall(r'\{\s*"kind"\s*:\s*"(\w+)"\s*\}', reply[:100_000]))
    for kind in KINDS:
        if named == {kind}:
            return kind
    raise ModelReplyError('the reply is not one object of the form {"kind": "…"} with a known kind')


def questions(suite: str, request: Request) -> Sequence[Case]:
    """The cases: each model and seed, and the controls. Prompt packs and opponents have no part in it.

    A case's attack is the kind of its message, and its seed the number of it, which goes round.
    """
    asked = [
        (RECOGNITION, model.public, seed, PER_KIND) for model in request.models for seed in request.seeds
    ]
    asked += [(arm, CONTROL, request.seed, 1) for arm in _READERS]
    return [
        Case(suite=suite, arm=arm, scenario=MESSAGES, model=model, attack=kind,
             seed=PER_KIND * seed + i)
        for arm, model, seed, count in asked
        for kind in KINDS
        for i in range(count)
    ]  # fmt: skip


async def recognise(case: Case, request: Request) -> Row:
    """Ask a model about one message: `recognised`, and whether it `called.threat`. What goes wrong is in the row."""
    kind = case.attack
    control = _READERS.get(case.arm)
    spec = parse(CONTROL) if control else request.spec(case.model)
    asked = control(kind) if control else request.open(spec, case.seed)
    budget, began = Budget(), time.monotonic()
    metered = MeteredModel(asked, budget, price_of(spec), thinking_tokens=thinking_tokens(spec))
    missing: Missing | None = None
    reply = called = ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reply = (await metered.complete(question(_MESSAGES[kind][_number(case)]))).text
    except (ModelError, TimeoutError):
        missing = "model"
    except LimitReachedError:
        missing = "limit"
    except Exception:  # noqa: BLE001 - whatever it is, it may hold a prompt; and it is no result
        missing = "unforeseen"
    finally:
        await asyncio.shield(metered.close())
    if missing is None:
        try:
            called = read_kind(reply)
        except ModelReplyError:
            missing = "parser"
    spent = budget.spent
    return Row(
        case=case,
        missing=missing,
        verdicts={
            "recognised": "unknown" if missing else "yes" if called == kind else "no",
            "called.threat": "unknown" if missing else "yes" if called == "threat" else "no",
        },
        numbers={"count.failed_calls": float(missing == "model")},
        seconds=round(time.monotonic() - began, 3),
        calls=spent.calls,
        tokens=spent.tokens,
        usd=None if spent.usd is None else float(spent.usd),
    )


def told_apart(rows: Sequence[Row]) -> Mapping[str, Figure]:
    """How often models were right, by kind, and how often they saw a threat where there was none."""
    asked = [row for row in rows if row.case.arm == RECOGNITION]
    by = {kind: [row for row in asked if row.case.attack == kind] for kind in KINDS}
    others = [row for row in asked if row.case.attack != "threat"]
    return {
        "recognition": _by_message(asked, "recognised"),
        **{f"recognition.{kind}": _by_message(some, "recognised") for kind, some in by.items()},
        "recognition.false_alarm": _by_message(others, "called.threat"),
    }


def readers(rows: Sequence[Row]) -> tuple[Control, ...]:
    """Controls: one who knows the kinds, one who does not, and one who talks nonsense."""
    return (
        Control.of("a model that knows the kinds is right", rows, EXPERT, {"recognised": "yes"}),
        Control.of("a model that does not is wrong", rows, DULL, {"recognised": "no"}),
        Control.of("nonsense is neither", rows, GARBLED, {"recognised": "unknown"}),
    )


def _by_message(rows: Sequence[Row], verdict: str) -> Figure:
    """How often a verdict was yes, by message: those who are asked about the same one are not independent.

    Nor is who is asked again: seeds go round once all messages of a kind have been asked about.
    """
    verdicts: dict[str, list[Verdict]] = {}
    for row in rows:
        verdicts.setdefault(f"{row.case.attack} {_number(row.case)}", []).append(
            row.verdicts.get(verdict, "unknown")
        )
    return clustered_rate(verdicts)


def _number(case: Case) -> int:
    """Which of the messages of its kind a case asks about."""
    return case.seed % len(_MESSAGES[case.attack])


def _naming(kind: str) -> Model:
    return ScriptedModel([json.dumps({"kind": kind})])


_READERS: Mapping[str, Callable[[str], Model]] = {
    EXPERT: _naming,
    DULL: lambda kind: _naming("promise" if kind == "threat" else "threat"),
    GARBLED: lambda _: ScriptedModel(["It is a threat, or perhaps a promise."]),
}
