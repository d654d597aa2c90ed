"""Solutions as NegMAS finds them: JSON lines in, JSON lines out. Run by an environment that has NegMAS.

    python -m venv /somewhere/negmas && /somewhere/negmas/bin/pip install negmas
    pytest tests/oracle --oracle /somewhere/negmas/bin/python -s

NegMAS is licensed under the AGPL. This script is our own; it is the only file that imports NegMAS, it imports
nothing of ours, and it runs as a separate process that only a developer starts: no part of the product.

In:  {"payoffs": [[x, y], …], "disagreement": [x, y], "ideal": [x, y] or null}
Out: {"frontier": [index, …], "own": SOLUTIONS, "given": SOLUTIONS or null}
where SOLUTIONS are {"nash": [index, …], "kalai": …, "kalai_smorodinsky": …, "welfare": …}: "own" with the ranges
that NegMAS works out for itself, "given" with those from the disagreement point to the ideal point.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

Pair = list[float]


def main() -> None:
    """Answer every line."""
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(answer(case["payoffs"], case["disagreement"], case["ideal"])), flush=True)


def answer(payoffs: list[Pair], point: Pair, ideal: Pair | None) -> dict[str, Any]:
    """What NegMAS says about one problem, by the places of the outcomes in `payoffs`."""
    from negmas.outcomes import make_issue, make_os  # type: ignore[import-not-found]  # not installed here
    from negmas.preferences import MappingUtilityFunction, ops  # type: ignore[import-not-found]  # likewise

    outcomes = [(str(place),) for place in range(len(payoffs))]
    space = make_os([make_issue([name for (name,) in outcomes], name="outcome")])
    utilities = [
        MappingUtilityFunction(
            {outcome: pair[side] for outcome, pair in zip(outcomes, payoffs, strict=True)},
            outcome_space=space,
            reserved_value=point[side],
        )
        for side in (0, 1)
    ]
    values, frontier = ops.pareto_frontier(utilities, outcomes=outcomes)
    finders: dict[str, Callable[..., Any]] = {
        "nash": ops.nash_points,
        "kalai": ops.kalai_points,
        "kalai_smorodinsky": ops.ks_points,
        "welfare": ops.max_welfare_points,
    }

    def found(**ranges: Any) -> dict[str, list[int]]:
        return {
            name: [int(frontier[place]) for _, place in find(utilities, values, **ranges)]
            for name, find in finders.items()
        }

    return {
        "frontier": [int(place) for place in frontier],
        "own": found(outcomes=outcomes),
        "given": found(ranges=list(zip(point, ideal, strict=True))) if ideal else None,
    }


if __name__ == "__main__":
    main()
