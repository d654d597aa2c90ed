"""The grid of an evaluation: read from names, and checked before anything starts.

Covered: made-up scenarios only; a folder of results belongs to one plan, whatever its files are called.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from bargaining.errors import InvalidInputError
from delegates.models.spec import ModelSpec, open_model, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, agenda_yaml, load, shipped
from evals.case import CONTROL, Case
from evals.interrogation import ATTACKS, PROMPTED
from evals.suite import Request, Suite
from sandbox.box import weights_digests
from sandbox.export import digest
from sandbox.identity import code_digest


def request_of(
    models: Sequence[str],
    *,
    prompts: Sequence[str] = ("default",),
    scenarios: Sequence[str] = ("used-truck",),
    against: Sequence[str] = (),
    attacks: Sequence[str] = (),
    judge: str | None = None,
    epochs: int = 1,
    seed: int = 0,
    coarsen: int = 1,
) -> Request:
    """The grid that is asked for. See `Request` for what is what.

    Args:
        models: Specs of the delegates under test.
        prompts: Names or folders of prompt packs.
        scenarios: Files, folders, or names of shipped ones.
        against: Specs of whom they meet.
        attacks: Families of `evals.interrogation`.
        judge: The spec of who is asked about paraphrase.
        epochs: How many seeds.
        seed: The first.
        coarsen: See `Request`.

    Raises:
        InvalidInputError: Something is not there, cannot be used, or is not made up.
    """
    packs = [PromptPack.load(pack) for pack in dict.fromkeys(prompts)]
    tested, met = [parse(text) for text in models], [parse(text) for text in against]
    asked = [] if judge is None else [parse(judge)]
    if any(spec.provider == "tactic" for spec in (*tested, *asked)):
        raise InvalidInputError("--model and --judge: a tactic is no language model; name one")
    _told_apart(list(dict.fromkeys([*tested, *met, *asked])))
    for spec in (*tested, *met, *asked):
        if spec.provider != "tactic":
            open_model(spec)  # finds what is wrong with a key or a file; nothing is sent
    if unknown := set(attacks) - {*ATTACKS, PROMPTED}:
        raise InvalidInputError(
            f"--attack {min(unknown)!r}: no such family; there are {', '.join((*ATTACKS, PROMPTED))}"
        )
    if PROMPTED in attacks and all(spec.provider == "tactic" for spec in met):
        raise InvalidInputError(f"--attack {PROMPTED}: a language model plays it; name one with --against")
    return Request(
        models=tested,
        prompts={f"{pack.name} {pack.digest[:8]}": pack for pack in packs},
        scenarios=_scenarios(scenarios),
        against=met,
        epochs=epochs,
        seed=seed,
        attackers={PROMPTED: PromptPack.load(PROMPTED)},
        attacks=attacks,
        judge=asked[0] if asked else None,
        coarsen=coarsen,
    )


def plan_of(
    request: Request,
    suites: Sequence[str],
    *,
    arms: Sequence[str] = (),
    isolation: str = "none",
    transcripts: bool = False,
) -> Mapping[str, Any]:
    """What decides the rows: a folder belongs to it. Of a model no address, in which a password may be, and no path.

    Args:
        request: The grid.
        suites: By name.
        arms: What of it is held; all if empty.
        isolation: Where.
        transcripts: Whether what was said is kept.
    """
    briefs = {
        name: "".join(b.to_yaml() for b in one.briefs.values()) for name, one in request.scenarios.items()
    }
    local = [spec for spec in (*request.models, *request.against) if spec.provider == "local"]
    weights = asyncio.run(weights_digests(local)) if local else {}

    def named(spec: ModelSpec) -> str:
        content = weights.get(spec, "")
        if spec.provider == "scripted":
            content = Path(spec.name).read_text("utf-8")
        return f"{spec.public} {digest(f'{spec} {content}'.encode())}"

    return {
        "code": code_digest(),
        "suites": sorted(set(suites)),
        "arms": sorted(set(arms)),
        "models": [named(spec) for spec in request.models],
        "against": [named(spec) for spec in request.against],
        "judge": named(request.judge) if request.judge else None,
        "prompts": sorted(request.prompts),
        "scenarios": {
            name: digest((agenda_yaml(one.agenda) + briefs[name]).encode())
            for name, one in sorted(request.scenarios.items())
        },
        "attacks": sorted(set(request.attacks)),
        "epochs": request.epochs,
        "seed": request.seed,
        "coarsen": request.coarsen,
        "isolation": isolation,
        "transcripts": transcripts,
    }


def cases_of(suites: Sequence[Suite], request: Request, arms: Sequence[str] = ()) -> list[Case]:
    """All negotiations of some suites, or those of some arms with all controls.

    Raises:
        InvalidInputError: No suite has such an arm.
    """
    every = [case for suite in suites for case in suite.cases(request)]
    known = {case.arm for case in every if case.model != CONTROL}
    if unknown := set(arms) - known:
        raise InvalidInputError(f"--arm {min(unknown)!r}: there are {', '.join(sorted(known))}")
    return [case for case in every if not arms or case.arm in arms or case.model == CONTROL]


def _told_apart(specs: Sequence[ModelSpec]) -> None:
    if len({spec.public for spec in specs}) < len(specs):
        raise InvalidInputError(
            "--model, --against and --judge: two of them look the same without paths and addresses; run them apart"
        )


def _scenarios(names: Sequence[str]) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for name, scenario in _read(names):
        if name in found:
            raise InvalidInputError(f"--scenarios: two are called {name}; rename one, or run them apart")
        found[name] = scenario
    return found


def _read(names: Sequence[str]) -> Iterator[tuple[str, Scenario]]:
    for name in names:
        files: list[str | Path] = [name]
        if name not in shipped() and (folder := _folder(name)):
            files = sorted(folder.glob("*.yaml"))
            if not files:
                raise InvalidInputError(f"{name}: there is no scenario in this folder (*.yaml)")
        for file in files:
            scenario = load(file)
            if not scenario.synthetic:
                raise InvalidInputError(
                    f"{file}: evaluations use made-up briefs only; if all of this one is made up, write "
                    "`synthetic: true` at the top level of the file"
                )
            yield Path(file).stem, scenario


def _folder(name: str) -> Path | None:
    """A folder of scenarios: one of the user's, or a shipped one by its name."""
    ours = Path(str(resources.files("scenarios"))) / name
    return next((folder for folder in (Path(name), ours) if folder.is_dir()), None)
