"""A request as text: what another machine needs to hold the negotiations of a sweep.

Covered: specs of models, prompts in full, scenarios in full. Briefs refuse to be pickled, on purpose; here they are
written out as YAML, and only made-up ones.
Not covered: keys, which each machine has in its own environment; files of scripted models and weights, which each
needs at the same path; how models are opened, and keeping tables: both are functions.
"""

import io
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from bargaining.errors import InvalidInputError
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario, agenda_yaml, load_stream
from evals.engines import Engines
from evals.suite import Request
from sandbox.job import Pack

_DISTRIBUTION = "negotiation-box"


class Parcel(BaseModel):
    """A request as plain text, which another machine can read. Made-up briefs are in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: str
    """Ours. A worker with another one refuses it."""
    suites: tuple[str, ...]
    models: tuple[str, ...]
    against: tuple[str, ...]
    prompts: dict[str, Pack]
    attackers: dict[str, Pack]
    scenarios: dict[str, str]
    """As YAML."""
    judge: str | None
    attacks: tuple[str, ...]
    epochs: int
    seed: int
    coarsen: int

    def __repr__(self) -> str:
        return "<Parcel: redacted>"

    __str__ = __repr__

    @classmethod
    def of(cls, request: Request, names: Sequence[str]) -> "Parcel":
        """Pack a request.

        Args:
            request: What the user asked for. How it opens models does not travel.
            names: The suites.

        Raises:
            InvalidInputError: A scenario is not made up, or tables are to be kept, which only this machine can.
        """
        if request.keep is not None:
            raise InvalidInputError("--engine ray: transcripts cannot be kept there; use --engine local")
        return cls(
            version=version(_DISTRIBUTION),
            suites=tuple(names),
            models=tuple(map(_found_anywhere, request.models)),
            against=tuple(map(_found_anywhere, request.against)),
            prompts={name: Pack.of(pack) for name, pack in request.prompts.items()},
            attackers={name: Pack.of(pack) for name, pack in request.attackers.items()},
            scenarios={name: _written(name, scenario) for name, scenario in request.scenarios.items()},
            judge=_found_anywhere(request.judge) if request.judge else None,
            attacks=tuple(request.attacks),
            epochs=request.epochs,
            seed=request.seed,
            coarsen=request.coarsen,
        )

    def request(self) -> Request:
        """The request again. Embedded models stay open between negotiations.

        Raises:
            InvalidInputError: Another version wrote it.
        """
        if self.version != version(_DISTRIBUTION):
            raise InvalidInputError(
                f"a worker of the cluster has {_DISTRIBUTION} {version(_DISTRIBUTION)}, and the sweep {self.version}: "
                "install the same version everywhere"
            )
        return Request(
            models=[parse(spec) for spec in self.models],
            prompts={name: PromptPack(**pack.model_dump()) for name, pack in self.prompts.items()},
            attackers={name: PromptPack(**pack.model_dump()) for name, pack in self.attackers.items()},
            scenarios={
                name: load_stream(io.BytesIO(text.encode()), f"{name}.yaml")
                for name, text in self.scenarios.items()
            },
            against=[parse(spec) for spec in self.against],
            judge=parse(self.judge) if self.judge else None,
            attacks=self.attacks,
            epochs=self.epochs,
            seed=self.seed,
            coarsen=self.coarsen,
            open=Engines().open,
        )


def _found_anywhere(spec: ModelSpec) -> str:
    """With the whole path of a file: workers have another working directory."""
    if spec.provider not in {"scripted", "local"} or not Path(spec.name).exists():
        return str(spec)
    return f"{spec.provider}/{Path(spec.name).resolve()}"


def _written(name: str, scenario: Scenario) -> str:
    if not scenario.synthetic:
        raise InvalidInputError(f"{name}: only made-up briefs may go to a cluster; see `synthetic: true`")
    written = {
        "synthetic": True,
        "agenda": yaml.safe_load(agenda_yaml(scenario.agenda)),
        "briefs": {role: yaml.safe_load(brief.to_yaml()) for role, brief in scenario.briefs.items()},
    }
    return str(yaml.safe_dump(written, sort_keys=False, allow_unicode=True))
