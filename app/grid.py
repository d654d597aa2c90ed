"""What an evaluation is to run: read from the command line, and checked before anything starts.

Covered: made-up scenarios only; a folder of results belongs to one plan, whatever its files are called.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from app.choices import STRONGEST
from bargaining.errors import InvalidInputError
from delegates.models.spec import ModelSpec, open_model, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, agenda_yaml, load, shipped
from evals.interrogation import ATTACKS
from evals.suite import Request
from sandbox.export import digest


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for on the command line."""

    suites: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    scenarios: tuple[str, ...]
    against: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    epochs: int = 1
    seed: int = 0
    coarsen: int = 1
    concurrency: int = 8
    max_usd: float | None = None
    fail_if: tuple[str, ...] = ()
    junit: Path | None = None
    out: Path | None = None
    resume: bool = False
    keep_transcripts: bool = False
    isolation: str = STRONGEST
    as_json: bool = False
    quiet: bool = False


def request_of(options: Options) -> Request:
    """The grid that is asked for.

    Raises:
        InvalidInputError: Something is not there, cannot be used, or is not made up.
    """
    packs = [PromptPack.load(pack) for pack in dict.fromkeys(options.prompts)]
    models = [parse(text) for text in options.models]
    against = [parse(text) for text in options.against]
    if any(spec.provider == "tactic" for spec in models):
        raise InvalidInputError("--model: a tactic has no model to evaluate; name a language model")
    _told_apart(list(dict.fromkeys([*models, *against])))
    for spec in (*models, *against):
        if spec.provider != "tactic":
            open_model(spec)  # finds what is wrong with a key or a file; nothing is sent
    if unknown := set(options.attacks) - set(ATTACKS):
        raise InvalidInputError(f"--attack {min(unknown)!r}: no such family; there are {', '.join(ATTACKS)}")
    return Request(
        models=models,
        prompts={f"{pack.name} {pack.digest[:8]}": pack for pack in packs},
        scenarios=_scenarios(options.scenarios),
        against=against,
        epochs=options.epochs,
        seed=options.seed,
        attacks=options.attacks,
        coarsen=options.coarsen,
    )


def plan_of(options: Options, request: Request) -> Mapping[str, Any]:
    """What decides the rows: a folder belongs to it. Of a model no address, in which a password may be, and no path."""
    briefs = {
        name: "".join(b.to_yaml() for b in one.briefs.values()) for name, one in request.scenarios.items()
    }
    return {
        "suites": sorted(set(options.suites)),
        "models": [_named(spec) for spec in request.models],
        "against": [_named(spec) for spec in request.against],
        "prompts": sorted(request.prompts),
        "scenarios": {
            name: digest((agenda_yaml(one.agenda) + briefs[name]).encode())
            for name, one in sorted(request.scenarios.items())
        },
        "attacks": sorted(set(options.attacks)),
        "epochs": options.epochs,
        "seed": options.seed,
        "coarsen": options.coarsen,
        "transcripts": options.keep_transcripts,
    }


def _named(spec: ModelSpec) -> str:
    return f"{spec.public} {digest(str(spec).encode())}"


def _told_apart(specs: Sequence[ModelSpec]) -> None:
    if len({spec.public for spec in specs}) < len(specs):
        raise InvalidInputError(
            "--model and --against: two of them look the same without paths and addresses; run them apart"
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
