"""What the command line decides about a run: who acts, with which prompts, within which limits and walls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from app import exits
from bargaining.errors import InvalidInputError
from bargaining.mandate import Limits
from bargaining.number import exact
from delegates.models.spec import parse
from delegates.models.weights import DEFAULT_ALIAS
from delegates.prompt import PromptPack
from delegates.scenario import Outline
from sandbox.host import Facts
from sandbox.isolation import ladder
from sandbox.isolation.interface import Isolation, Level
from sandbox.policy import Policy
from sandbox.seating import Seat

DEFAULT_MODEL = f"local/{DEFAULT_ALIAS}"

STRONGEST = "strongest"
"""The strongest walls there are; without any, no run."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for on the command line."""

    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    out: str | None = None
    keep_offers: bool = False
    protocol: str | None = None
    rounds: int | None = None
    mediator: str | None = None
    seed: int = 0
    advised: bool = True
    max_tokens: int | None = None
    max_cost: str | None = None
    max_seconds: int | None = None
    isolation: str = STRONGEST
    policy: str | None = None
    as_json: bool = False
    quiet: bool = False


def say_what_prompts_are_used(seats: Mapping[str, Seat], protocol: str) -> None:
    """Tell which pack a side uses that is not the one it was given."""
    for role, seat in seats.items():
        used = seat.prompts.suited(protocol)
        if used is not seat.prompts and seat.model.provider != "tactic":
            exits.say(
                f"--prompts: the pack {seat.prompts.name} has no answer.md, which {protocol} needs; "
                f"the {role}'s delegate uses the pack {used.name} instead"
            )


def seat_both(outline: Outline, options: Options) -> dict[str, Seat]:
    """Who acts for each role: the command line first, then the scenario, then the defaults."""
    roles = outline.agenda.roles
    models = (
        dict.fromkeys(roles, DEFAULT_MODEL)
        | dict(outline.models)
        | _by_role(options.models, roles, "--model")
    )
    packs = (
        dict.fromkeys(roles, "default")
        | dict(outline.prompts)
        | _by_role(options.prompts, roles, "--prompts")
    )
    loaded = {name: PromptPack.load(name) for name in set(packs.values())}
    return {role: Seat(parse(models[role]), loaded[packs[role]], options.advised) for role in roles}


def _by_role(values: Sequence[str], roles: tuple[str, str], option: str) -> dict[str, str]:
    """`VALUE` means both roles, `ROLE=VALUE` one; later values win."""
    chosen: dict[str, str] = {}
    for text in values:
        role, equals, value = text.partition("=")
        if not (value if equals else text).strip():
            raise InvalidInputError(
                f"{option}: there is no value; write {option} VALUE for both sides or {option} ROLE=VALUE"
            )
        if equals and role in roles:
            chosen[role] = value
        elif equals and role.isidentifier():
            raise InvalidInputError(
                f"{option}: this scenario has no such role; its roles are {' and '.join(roles)}"
            )
        else:
            chosen.update(dict.fromkeys(roles, text))
    return chosen


def limits_of(options: Options) -> Limits:
    """The limits on both sides together.

    Raises:
        InvalidInputError: The most that it may cost is not an amount of money.
    """
    try:
        usd = None if options.max_cost is None else exact(options.max_cost)
    except ValueError:
        usd = exact(-1)
    if usd is not None and usd <= 0:
        raise InvalidInputError("--max-cost: expected US dollars above 0, such as 0.50")
    return Limits(tokens=options.max_tokens, usd=usd, seconds=options.max_seconds)


def walls_of(isolation: str, policy: Policy | None, facts: Facts) -> Isolation:
    """The strongest walls, or those of one level.

    Raises:
        InvalidInputError: There is no such level.
        SandboxError: They cannot be built here.
    """
    if isolation not in (STRONGEST, *get_args(Level)):
        raise InvalidInputError(f"--isolation: there are {', '.join((STRONGEST, *get_args(Level)))}")
    if isolation != STRONGEST:
        return ladder.build(isolation, facts)  # type: ignore[arg-type]
    return ladder.choose(policy.isolation if policy else "landlock", facts)
