"""How many negotiations have a result, and all of it: what is said before any figure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.case import Missing, Row
from evals.comparison import verdicts_of
from evals.statistics import MUCH_MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Negotiations without those of controls, which are no part of a delegate's figures."""

    negotiations: int
    missing: int
    """How many of them have no result."""
    reasons: Mapping[Missing, int]
    """Of those, whose failure it was and how often."""
    untold: int
    """In how many that have one some verdict is unknown all the same."""
    unknown: Mapping[str, int]
    """Of those, which verdicts and how often."""

    @property
    def missing_rate(self) -> float:
        """The share of negotiations without a result, or without all of it."""
        return (self.missing + self.untold) / self.negotiations if self.negotiations else 0.0

    @property
    def much_missing(self) -> bool:
        """Whether that must be said first."""
        return self.missing_rate > MUCH_MISSING


def count(rows: Sequence[Row]) -> Counted:
    """Count them.

    Args:
        rows: Without those of controls.
    """
    names = verdicts_of(rows)
    told = [row for row in rows if row.missing is None]
    untold = [[name for name in names if row.verdicts.get(name) == "unknown"] for row in told]
    unknown = Counter(name for found in untold for name in found)
    return Counted(
        negotiations=len(rows),
        missing=len(rows) - len(told),
        reasons=dict(sorted(Counter(row.missing for row in rows if row.missing is not None).items())),
        untold=sum(map(bool, untold)),
        unknown=dict(sorted(unknown.items())),
    )
