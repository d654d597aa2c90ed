"""The policy of a box: what must be true before a run starts. What is below the minimum does not start.

Covered: isolation, assurance, models, limits, messages, and what the machine must have closed. A condition that
could not be measured counts as open. A policy takes away and never grants: limits and messages are the narrower of
the policy's and what a run asks for.
Not covered: what a mandate allows (the brief says so), and whether the machine tells the truth about itself.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError, SandboxError
from bargaining.mandate import Limits
from delegates.complaint import complaints
from delegates.document import Document, read
from sandbox.export import canonical, digest
from sandbox.fact import Fact, Known
from sandbox.host import Facts
from sandbox.identity import Assurance
from sandbox.isolation.interface import Level

Condition: TypeAlias = Literal["swap", "init_on_free", "core_pattern", "tracing"]
"""What a machine could keep of a run: in swap, in freed memory, in a piped core dump, by tracing variables."""
Demand: TypeAlias = Literal["require", "state"]
"""Refuse to run while a condition is open, or write it into the statement."""

_MOST_SHOWN = 10
_GLOB = re.compile(r"[^\s\x00-\x1f\x7f\[\]]{1,300}")
_OPEN: Final[Mapping[Condition, tuple[str, str]]] = {
    "swap": ("memory can be written to swap", "switch it off (swapoff -a)"),
    "init_on_free": ("freed memory is not zeroed", "start the kernel with init_on_free=1"),
    "core_pattern": ("core dumps go to a program", "set kernel.core_pattern to a file name"),
    "tracing": ("tracing variables are set", "unset them ('negbox doctor' names them)"),
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Ceiling(_Part):
    """The most that one run may take. None: no limit of the policy's."""

    tokens: StrictInt | None = Field(default=None, gt=0)
    seconds: StrictInt | None = Field(default=None, gt=0)
    calls: StrictInt | None = Field(default=None, gt=0)


class Machine(_Part):
    """What to do about each condition that is open or could not be measured."""

    swap: Demand = "state"
    init_on_free: Demand = "state"
    core_pattern: Demand = "state"
    tracing: Demand = "state"


class Policy(_Part):
    """What a box demands. Without a file, what `negbox run` demands."""

    isolation: Level = "landlock"
    """The weakest that is enough."""
    assurance: Assurance = "operator"
    """The weakest that is enough. More than the operator's word needs hardware that attests, which is not here yet."""
    models: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        default=("*",), min_length=1
    )
    """Specs as the other side may read them; `*` stands for anything but an `@`. Alone, `*` allows every model. A
    server of one's own is allowed only by name: `openai/llama3.2@own-server`."""
    limits: Ceiling = Ceiling()
    messages: Literal["none", "templated", "free"] = "free"
    """What delegates may say beside their moves. `templated`: only sentences that the box itself makes from a move;
    as a move says the same without them, there are none, and it is as `none`."""
    progress: Literal["none", "turns"] = "turns"
    """Whether the host may see how many turns were taken while a run lasts."""
    retention: Literal["none"] = "none"
    """What is kept of a run beside agreement and statement."""
    release_seconds: StrictInt = Field(default=1, ge=1, le=86_400)
    """A result appears only at a multiple of so many seconds after the start: what its time tells is rounded so."""
    machine: Machine = Machine()

    @field_validator("models")
    @classmethod
    def _plain(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_GLOB.fullmatch(model) for model in models):
            raise ValueError(
                "expected model specs, in which * stands for any text; brackets and spaces are not read"
            )
        return models

    @classmethod
    def load(cls, file: Path) -> "Policy":
        """Read a policy from a YAML or JSON file.

        Raises:
            InvalidInputError: With up to ten problems, one a line.
        """
        if not file.exists():
            raise InvalidInputError(f"{file}: there is no such file; write a policy there, or leave it out")
        document = read(file)
        problems: list[tuple[int, str]] = []
        try:
            return cls.model_validate(document.data)
        except ValidationError as error:
            problems = complaints(document, (), error, cls, frozenset())
        raise InvalidInputError(_listed(document, problems))

    @property
    def digest(self) -> str:
        """The digest of the whole policy, defaults included."""
        return digest(canonical(self.model_dump(mode="json")))

    def admits(
        self,
        *,
        isolation: Level,
        assurance: Assurance,
        models: Iterable[str],
        machine: Mapping[Condition, bool | None],
    ) -> tuple[Condition, ...]:
        """Check everything before a run starts.

        Args:
            isolation: What this machine reaches.
            assurance: What the statement will have.
            models: The public specs of all models that take part.
            machine: Whether each condition is closed. None, or missing: could not be measured.

        Returns:
            The conditions that are open and only have to be stated.

        Raises:
            SandboxError: The box or the machine is below the minimum.
            InvalidInputError: A model is not allowed.
        """
        if _weaker(isolation, self.isolation, Level):
            raise SandboxError(
                f"the policy demands the isolation {self.isolation}, and this machine reaches {isolation}: "
                "'negbox doctor' says what is missing; or choose a policy that demands less"
            )
        if _weaker(assurance, self.assurance, Assurance):
            raise SandboxError(
                f"the policy demands the assurance {self.assurance}, and this run has {assurance}: run it where the "
                "statement is signed; or choose a policy that demands less"
            )
        for model in models:
            if not any(_matches(model, pattern) for pattern in self.models):
                raise InvalidInputError(
                    f"the policy does not allow the model {model}: choose one of {', '.join(self.models[:_MOST_SHOWN])}"
                )
        found = tuple(name for name in get_args(Condition) if machine.get(name) is not True)
        for name in found:
            if getattr(self.machine, name) == "require":
                what, advice = _OPEN[name]
                known = what if machine.get(name) is False else "this could not be measured"
                raise SandboxError(f"the policy requires {name} to be closed, and {known}: {advice}")
        return found

    def narrowed(self, agenda: Agenda) -> Agenda:
        """The agenda with the messages that the policy leaves. Everything else stays."""
        if self.messages == "free" or not agenda.message_characters:
            return agenda
        fields = {name: getattr(agenda, name) for name in Agenda.model_fields}
        return Agenda.model_validate({**fields, "message_characters": 0})

    def limited(self, limits: Limits) -> Limits:
        """The narrower of a run's limits and the policy's. Calls are counted by the broker."""
        return Limits(
            tokens=_least(limits.tokens, self.limits.tokens),
            usd=limits.usd,
            seconds=_least(limits.seconds, self.limits.seconds),
        )


def closed(facts: Facts) -> dict[Condition, bool | None]:
    """Whether each condition is closed on a machine. None: that could not be established."""

    def known(fact: Fact[Any], good: Callable[[Any], bool]) -> bool | None:
        return good(fact.value) if isinstance(fact, Known) else None

    return {
        "swap": known(facts.swap, lambda areas: not areas),
        "init_on_free": known(facts.init_on_free, bool),
        "core_pattern": None if facts.core_piped is None else not facts.core_piped,
        "tracing": not facts.tracing,
    }


def _weaker(reached: str, demanded: str, scale: object) -> bool:
    order = get_args(scale)
    return reached not in order or order.index(reached) > order.index(demanded)


def _matches(model: str, pattern: str) -> bool:
    """An `*` never stands for an `@`: `openai/*` means OpenAI, not whoever runs a server that speaks its format."""
    if pattern == "*":
        return True
    return model.count("@") == pattern.count("@") and fnmatchcase(model, pattern)


def _least(first: int | None, second: int | None) -> int | None:
    return min((limit for limit in (first, second) if limit is not None), default=None)


def _listed(document: Document, problems: list[tuple[int, str]]) -> str:
    lines = [f"{document.name}:{line}: {text}" for line, text in sorted(problems)]
    return "\n".join(lines[:_MOST_SHOWN] + ["… and more"] * (len(lines) > _MOST_SHOWN))
