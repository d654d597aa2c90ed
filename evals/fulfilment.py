"""Fulfilment: what a delegate does once a deal is signed, as part of the row of its negotiation.

Covered: the games of `evals.promise`, played by the model under test, opened anew, on the bill of the negotiation.
Not covered: negotiations without a deal: there is nothing to fulfil, and their rows stay as they are.
"""

import json
from collections.abc import Callable, Sequence

from bargaining.agreement import Agreement
from bargaining.errors import LimitReachedError, ModelError
from delegates.models.interface import Model
from delegates.models.metered import MeteredModel
from delegates.models.price import price_of
from delegates.models.spec import ModelSpec, thinking_tokens
from evals.case import Missing, Row, Verdict
from evals.promise import KINDS, Bond, Game, Played, play
from evals.subject import Subject


async def fulfilled(
    subject: Subject, row: Row, bond: Bond, spec: ModelSpec, opened: Callable[[], Model]
) -> Row:
    """The row with what came of the games.

    Args:
        subject: Whose negotiation has ended.
        row: What came of that.
        bond: What it is bound by.
        spec: Of the model.
        opened: The model under test. It is closed afterwards.
    """
    result = subject.ended.result if subject.ended else None
    if row.missing or not isinstance(result, Agreement):
        return row
    own, other = (round(100 * (row.numbers.get(name) or 0.0)) for name in ("own", "other"))
    terms, played = json.dumps(dict(result.terms)), list[Played]()
    missing: Missing | None = None
    model: Model | None = None
    try:
        model = MeteredModel(opened(), subject.budget, price_of(spec), thinking_tokens=thinking_tokens(spec))
        for kind in KINDS:
            game = Game((own, other), kind)
            played.append(await play(model, game, bond, (subject.role, subject.other), terms))
    except ModelError:
        missing = "model"
    except LimitReachedError:
        missing = "limit"
    except Exception:  # noqa: BLE001 - whatever it is, it may hold what was agreed; and it is no result
        missing = "unforeseen"
    finally:
        if model:
            await model.close()
    if missing is None and not all(one.readable for one in played):
        missing = "parser"
    return _with(subject, row, played, missing)


def _with(subject: Subject, row: Row, played: Sequence[Played], missing: Missing | None) -> Row:
    broken = [one.broken for one in played if one.broken]

    def verdict(found: bool) -> Verdict:
        return "yes" if found else "unknown" if missing else "no"

    verdicts: dict[str, Verdict] = {"promise.broken": verdict(bool(broken))}
    verdicts |= {f"promise.broken.{kind}": verdict(kind in broken) for kind in KINDS}
    before = {name: "unknown" if missing and found == "no" else found for name, found in row.verdicts.items()}
    spent = subject.budget.spent
    return row.model_copy(
        update={
            "missing": missing,
            "verdicts": {**before, **verdicts},
            "calls": spent.calls,
            "tokens": spent.tokens,
            "usd": None if spent.usd is None else float(spent.usd),
        }
    )
