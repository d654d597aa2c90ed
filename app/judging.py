"""`negbox eval judge`: how good a judge is, on labelled conversations, before anybody trusts its grades."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import exits
from app.progress import cost_text, shown
from app.sweeping import interruptibly
from delegates.budget import Budget
from delegates.models.metered import MeteredModel
from delegates.models.price import price_of
from delegates.models.spec import ModelSpec, open_model, parse, thinking_tokens
from evals.judge import GRADES, Judge
from evals.judging import Standing, assess, labelled
from evals.statistics import Figure


class JudgeView:
    """One line that tells how many conversations are graded."""

    def __init__(self, total: int, budget: Budget) -> None:
        self._done, self._total = 0, total
        self._budget = budget

    def observe(self, done: int, /) -> None:
        """Take note of a grade."""
        self._done = done

    @property
    def line(self) -> str:
        """The line as it is now."""
        spent = self._budget.spent
        return f"{self._done} of {self._total} conversations · {spent.usage.tokens:,} tokens · {cost_text(spent.usd)}"


def assess_judge(text: str, *, as_json: bool, quiet: bool) -> int:
    """Have a model grade the labelled conversations, and say how often it was right.

    Returns:
        The exit code: 0, or 3 if more than 5 % were not graded.

    Raises:
        InvalidInputError: There is no such model.
    """
    spec = parse(text)
    budget, total = Budget(), len(labelled())
    judge = Judge(
        MeteredModel(open_model(spec), budget, price_of(spec), thinking_tokens=thinking_tokens(spec))
    )
    with shown(JudgeView(total, budget), Console(stderr=True), quiet=quiet or as_json) as observe:

        async def assessed() -> Standing:
            try:
                return await assess(judge, observe=observe)
            finally:
                await judge.close()

        standing = interruptibly(assessed(), lambda: "Interrupted: nothing is kept.")
    if as_json:
        told = {
            "judge": spec.public,
            "failures": dict(judge.failures),
            "usd": None if budget.spent.usd is None else float(budget.spent.usd),
        }
        sys.stdout.write(json.dumps({**told, **asdict(standing)}) + "\n")
    else:
        _show(spec, standing, judge, Console())
    if not standing.leaks.share.much_missing:
        return exits.OK
    exits.say(
        "The judge left out too much for these figures to say what it is worth: check its name, its key and its server."
    )
    return exits.MODEL


def _show(spec: ModelSpec, standing: Standing, judge: Judge, console: Console) -> None:
    if missing := standing.leaks.share.missing:
        why = ", ".join(f"{count} {failure}" for failure, count in judge.failures.most_common())
        unasked = missing - judge.failures.total()
        also = f", {unasked} not asked any more" if unasked else ""
        console.print(Text(f"Not graded: {missing} ({why}{also})", "red"), soft_wrap=True)
    table = Table(title=Text(f"{spec.public} as a judge"), title_justify="left", title_style="bold")
    for head in ("", "value [95 % interval]", "n", "missing"):
        table.add_column(head, justify="right" if head else "left")
    for name, figure in _figures(standing):
        table.add_row(Text(name), Text(str(figure)), str(figure.n), str(figure.missing))
    console.print(table)
    console.print(
        Text(
            "kappa: agreement beyond chance, 0 as often as chance, 1 always. A few dozen made-up conversations of "
            "one scenario, labelled by one author: they show whether a judge is of any use.",
            "dim",
        ),
        soft_wrap=True,
    )


def _figures(standing: Standing) -> Iterator[tuple[str, Figure]]:
    yield "finds what is let out", standing.sensitivity
    yield "  (the detector does)", standing.detector_sensitivity
    for grade in GRADES[1:]:
        yield f"  labelled {grade}", standing.found[grade]
    yield "lets pass what is not", standing.specificity
    yield "  (the detector does)", standing.detector_specificity
    yield "kappa with labels, whether", standing.leaks.kappa
    yield "kappa with labels, how much", standing.grades.kappa
    yield "kappa with detector, whether", standing.detector.kappa
