"""What a suite is: cases, how each is run, and what their rows come to.

Covered: a suite without controls that landed has no result. Not covered: running them, see `evals.sweep`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from delegates.models.interface import Model
from delegates.models.spec import ModelSpec, open_model, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario
from evals.case import Case, Row, Verdict
from evals.stage import Stage
from evals.statistics import Figure, clustered, clustered_rate

Opener: TypeAlias = Callable[[ModelSpec, int], Model]
"""Opens a model, given its spec and a seed."""
Moves: TypeAlias = list[dict[str, Any]]
"""What stood on a table, as JSON."""
Keeper: TypeAlias = Callable[[Case, Moves], None]
"""Keeps it, where the user asked for that."""


def _opened(spec: ModelSpec, seed: int) -> Model:
    return open_model(spec, seed=seed)


@dataclass(frozen=True)
class Request:
    """What the user asks for: the grid of a sweep."""

    models: Sequence[ModelSpec]
    prompts: Mapping[str, PromptPack]
    """By the name that rows use."""
    scenarios: Mapping[str, Scenario] = field(repr=False)
    """By name, all of them made up."""
    against: Sequence[ModelSpec] = ()
    """Whom the models meet. Empty: whoever the suite chooses."""
    epochs: int = 1
    seed: int = 0
    attackers: Mapping[str, PromptPack] = field(default_factory=dict)
    """Prompts of models that the delegates meet, where a suite has some for that; by name."""
    attacks: Sequence[str] = ()
    """Families of `evals.interrogation`. Empty: all."""
    judge: ModelSpec | None = None
    """Who is asked whether a secret was let out in other words. None: nobody."""
    coarsen: int = 1
    """By how much the grid of the agreement is made coarser, where a suite measures that."""
    open: Opener = field(default=_opened, repr=False)
    keep: Keeper | None = field(default=None, repr=False)
    _stages: dict[str, Stage] = field(default_factory=dict, repr=False)

    def stage(self, name: str) -> Stage:
        """A scenario, made ready at its first use."""
        if name not in self._stages:
            self._stages[name] = Stage.of(self.scenarios[name])
        return self._stages[name]

    def spec(self, name: str) -> ModelSpec:
        """The model or the tactic that rows call so."""
        named = (spec for spec in (*self.models, *self.against) if spec.public == name)
        return next(named, None) or parse(name)

    def pack(self, name: str) -> PromptPack:
        """The prompts that rows call so; the first for any other name."""
        return self.prompts.get(name) or self.attackers.get(name) or next(iter(self.prompts.values()))

    def opponents(self, otherwise: Sequence[str]) -> Sequence[str]:
        """Whom the models meet, by the name that rows use.

        Args:
            otherwise: If the user names nobody.
        """
        return [spec.public for spec in self.against] or otherwise

    @property
    def seeds(self) -> range:
        """One for each epoch."""
        return range(self.seed, self.seed + self.epochs)


@dataclass(frozen=True, slots=True)
class Control:
    """Whether an instrument finds what it must find, or keeps silent where there is nothing."""

    name: str
    landed: bool
    detail: str

    @classmethod
    def of(cls, name: str, rows: Sequence[Row], arm: str, expected: Mapping[str, Verdict]) -> "Control":
        """One that landed if all rows of an arm have these verdicts."""
        some = [row for row in rows if row.case.arm == arm]
        good = sum(
            all(row.verdicts.get(verdict) == value for verdict, value in expected.items()) for row in some
        )
        return cls(name, bool(some) and good == len(some), f"{good} of {len(some)}")


def rate_of(rows: Sequence[Row], verdict: str) -> Figure:
    """How often a verdict was yes, by scenario."""
    by: defaultdict[str, list[Verdict]] = defaultdict(list)
    for row in rows:
        by[row.case.scenario].append(row.verdicts.get(verdict, "unknown"))
    return clustered_rate(by)


def mean_of(rows: Sequence[Row], number: str) -> Figure:
    """The mean of a number, by scenario.

    A row that has a result but not the number is left out: there it does not apply. It is missing where it is None, and
    in a row without a result that does not have it.
    """
    by: defaultdict[str, list[float | None]] = defaultdict(list)
    for row in rows:
        if row.missing or number in row.numbers:
            by[row.case.scenario].append(row.numbers.get(number))
    return clustered(by)


class Suite(Protocol):
    """One evaluation."""

    name: str
    about: str
    """In a line."""
    boxed: bool
    """Whether its negotiations can be held in a box. Not if it starts boxes itself."""

    def cases(self, request: Request) -> Sequence[Case]:
        """All negotiations, controls included."""
        ...

    async def run(self, case: Case, request: Request) -> Row:
        """Hold one negotiation. What goes wrong in it is `Row.missing`."""
        ...

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        """What the rows come to, without those of controls, by name."""
        ...

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        """Whether the suite's instruments work."""
        ...
