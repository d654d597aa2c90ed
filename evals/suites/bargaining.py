"""Bargaining: how well a delegate negotiates: does it agree, for how much, how fairly, how fast and for what money?

Arms: each model against tactics (`field`), and against each other model of the sweep with the same prompts (`round
robin`), on both sides: a tournament. Ratings compare own shares in the same seat: same scenario, side, seed and
opponent, or each against the other; see `evals.rating`. Tactics are rated by the games that they had with models.
Delegates are guarded and advised, as shipped.
Controls: a model that holds out must be rated above one that accepts anything (and walks away where that would lose
nothing), both without a guard; a twin of it must have the same rating.
Not covered: what the figures would be against other opponents; prompts of a model that is only met (`--against`), which
has the first pack.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from delegates.models.interface import Model
from delegates.models.scripted import ScriptedModel
from evals import attack, stance
from evals.case import CONTROL, Case, Row
from evals.rating import Duel, ratings
from evals.stage import Stage
from evals.statistics import Figure, clustered
from evals.subject import Subject
from evals.suite import Control, Request, Suite, mean_of, rate_of

FIELD, ROBIN = "field", "round robin"
FIRM, TWIN, EASY = "firm control", "twin of the firm control", "easy control"
AGAINST = ("tactic/steady", "tactic/boulware", "tactic/linear", "tactic/conceder")
_MEANS = ("own", "capture", "nash_distance", "rounds")
_SAME = 1e-6
"""Ratings no further apart are the same, but for rounding."""


class Bargaining:
    """See the module."""

    name = "bargaining"
    about = "how well a delegate negotiates, against tactics and other models, with ratings"
    boxed = True

    def cases(self, request: Request) -> Sequence[Case]:
        """The grid: models, prompts, scenarios, sides, opponents, seeds."""
        models = [model.public for model in request.models]
        found: list[Case] = []
        for scenario in request.scenarios:
            for side in (0, 1):
                found += [
                    Case(suite=self.name, arm=arm, scenario=scenario, model=CONTROL, against=against,
                         side=side, seed=request.seed)
                    for arm in (FIRM, TWIN, EASY)
                    for against in AGAINST
                ]  # fmt: skip
                meetings = [(FIELD, one, other) for one in models for other in self._field(request, one)]
                meetings += [(ROBIN, one, other) for one, other in combinations(models, 2)]
                found += [
                    Case(suite=self.name, arm=arm, scenario=scenario, model=one, against=other,
                         prompts=prompts, side=side, seed=seed)
                    for prompts in request.prompts
                    for seed in request.seeds
                    for arm, one, other in meetings
                ]  # fmt: skip
        return found

    def _field(self, request: Request, model: str) -> Sequence[str]:
        """Whom a model meets, but for the other models of the sweep."""
        others = {spec.public for spec in request.models} - {model}
        return [name for name in request.opponents(AGAINST) if name not in others]

    async def run(self, case: Case, request: Request) -> Row:
        """Hold one negotiation."""
        model = _control(request.stage(case.scenario), case) if case.model == CONTROL else None
        subject = Subject(case, request, model=model, guarded=model is None)
        return await subject.meet(lambda: subject.opponent(case.prompts))

    def metrics(self, rows: Sequence[Row]) -> Mapping[str, Figure]:
        """Rates and means over all, shares by opponent, and ratings."""
        played = [row for row in rows if row.case.arm in (FIELD, ROBIN)]
        figures = {"deal": rate_of(played, "agreed")}
        figures |= {name: mean_of(played, name) for name in _MEANS}
        figures["tokens"] = clustered(_by_scenario(played, lambda row: float(row.tokens)))
        figures["usd"] = clustered(_by_scenario(played, lambda row: row.usd))
        for against in dict.fromkeys((*AGAINST, *(row.case.against for row in played))):
            some = [row for row in played if row.case.against == against]
            short = against.removeprefix("tactic/")
            figures[f"deal.against.{short}"] = rate_of(some, "agreed")
            figures[f"own.against.{short}"] = mean_of(some, "own")
        found = ratings(list(_duels(played)))
        return {**figures, **{f"rating.{player}": rating for player, rating in found.items()}}

    def controls(self, rows: Sequence[Row]) -> Sequence[Control]:
        """Who holds out is rated above who accepts anything, and as its twin."""
        some = [row for row in rows if row.case.arm in (FIRM, TWIN, EASY)]
        found = ratings(list(_duels(some)))
        value = {arm: found[arm].value if arm in found else None for arm in (FIRM, TWIN, EASY)}
        firm, twin, easy = value[FIRM], value[TWIN], value[EASY]
        whole = all(row.missing is None for row in some)
        above = None if firm is None or easy is None else firm - easy
        apart = None if firm is None or twin is None else abs(firm - twin)
        return (
            Control(
                "a model that holds out is rated above one that accepts anything",
                whole and above is not None and above > _SAME,
                "no rating" if above is None else f"by {above:.0f}",
            ),
            Control(
                "two that play alike are rated alike",
                whole and apart is not None and apart <= _SAME,
                "no rating" if apart is None else f"{apart:.0f} apart",
            ),
        )


def _by_scenario(
    rows: Sequence[Row], value: Callable[[Row], float | None]
) -> Mapping[str, Sequence[float | None]]:
    by: defaultdict[str, list[float | None]] = defaultdict(list)
    for row in rows:
        by[row.case.scenario].append(value(row))
    return by


def _control(stage: Stage, case: Case) -> Model:
    if case.arm != EASY:
        return ScriptedModel([attack.offer(stance.firm(stage, case.side))], cycle=True)
    contested = stance.contested(stage, case.side)
    return ScriptedModel([attack.accept() if contested else stance.WALK_AWAY], cycle=True)


def _duels(rows: Sequence[Row]) -> Iterator[Duel]:
    """Who did better in which seat. A negotiation takes two seats: one for each side."""
    packs = len({row.case.prompts for row in rows})
    models = {row.case.model for row in rows}
    seats: defaultdict[tuple[str, str], dict[str, float | None]] = defaultdict(dict)
    for row in rows:
        case = row.case

        def named(name: str, case: Case = case) -> str:
            if name == CONTROL:
                return case.arm
            return f"{name} with {case.prompts}" if packs > 1 and name in models else name

        players = (named(case.model), named(case.against))
        shares = row.numbers.get("own"), row.numbers.get("other")
        for place, side in enumerate((case.side, 1 - case.side)):
            here = f"side {side}, seed {case.seed}"
            seats[case.scenario, f"{here}, against {players[1 - place]}"][players[place]] = shares[place]
            both = " and ".join(sorted(players))
            seats[case.scenario, f"{here}, {both} against each other"][players[place]] = shares[place]
    for (scenario, seat), had in seats.items():
        for one, other in combinations(sorted(had), 2):
            yield Duel(scenario, seat, one, other, _score(had[one], had[other]))


def _score(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    return 0.5 if one == other else float(one > other)


SUITE: Suite = Bargaining()
