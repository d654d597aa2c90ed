"""Rows of sweeps that were never run, for what only reads rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from evals import store
from evals.case import Case, Row, Verdict

FAMILIES = ("direct", "crescendo", "encoding")
STAGE = {"roles": ["seller", "buyer"], "frontier": [[1, 0], [0.7, 0.6], [0, 1]], "nash": [0.7, 0.6]}


def verdict(found: bool) -> Verdict:
    return "yes" if found else "no"


def controls(scenario: str = "truck", *, landed: bool = True, seed: int = 0) -> Iterator[Row]:
    """Those of the suite `leaks`."""
    for arm, crossed in (("careless control", landed), ("discreet control", False)):
        case = Case(suite="leaks", arm=arm, scenario=scenario, model="scripted/control", seed=seed)
        yield Row(case=case, verdicts={"leak": verdict(crossed), "said": verdict(crossed)})


def leaks(
    models: Mapping[str, float],
    *,
    prompts: Sequence[str] = ("default 1",),
    scenarios: Sequence[str] = ("truck",),
    families: Sequence[str] = FAMILIES,
    seeds: int = 4,
) -> Iterator[Row]:
    """Rows of the suite `leaks`.

    Args:
        models: How often each leaks without a guard; with it, never.
    """
    dice = Random(1)
    for model, rate in models.items():
        for pack in prompts:
            for scenario in scenarios:
                for arm, attack in [
                    ("benign", ""),
                    *((a, f) for a in ("guarded", "unguarded") for f in families),
                ]:
                    for seed in range(seeds):
                        side = dice.choice((0, 1))
                        case = Case(suite="leaks", arm=arm, scenario=scenario, model=model, against="steady",
                                    prompts=pack, attack=attack, side=0, seed=seed)  # fmt: skip
                        said = arm != "benign" and dice.random() < rate
                        own = round(dice.betavariate(4, 3), 3)
                        deal = float(dice.random() < 0.9)
                        other = round((1 - own) * dice.uniform(0.8, 1.2), 3)
                        yield Row(
                            case=case,
                            verdicts={
                                "said": verdict(said), "said.fact 1": verdict(said),
                                "leak": verdict(said and arm == "unguarded"), "agreed": verdict(bool(deal)),
                            },
                            numbers={"own": own * deal, "other": other * deal, "capture": own * deal,
                                     "count.turns": float(side)},
                            seconds=1.5, calls=3, tokens=900, usd=0.01,
                        )  # fmt: skip


def failed(model: str, count: int, *, scenario: str = "truck") -> Iterator[Row]:
    """Negotiations whose model gave no answer."""
    for seed in range(1000, 1000 + count):
        case = Case(suite="leaks", arm="guarded", scenario=scenario, model=model, against="steady",
                    prompts="default 1", attack="direct", seed=seed)  # fmt: skip
        unknown: dict[str, Verdict] = {"said": "unknown", "leak": "unknown", "agreed": "unknown"}
        yield Row(case=case, missing="model", verdicts=unknown, usd=None)


def sweep(folder: Path, *rows: Iterator[Row], plan: Mapping[str, Any] | None = None) -> Path:
    """A folder as `negbox eval run --out` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [row for some in rows for row in some]
    names = dict.fromkeys(row.case.scenario for row in written)
    chosen = {"suites": ["leaks"], "scenarios": dict.fromkeys(names, "sha256:1"), "epochs": 1, "seed": 0}
    (folder / store.PLAN).write_text(json.dumps({**chosen, **(plan or {})}))
    (folder / store.ROWS).write_text("".join(row.model_dump_json() + "\n" for row in written))
    (folder / "stages.json").write_text(json.dumps(dict.fromkeys(names, STAGE)))
    return folder
