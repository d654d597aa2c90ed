"""Which protocol a run follows, for how many rounds, and who mediates: the command line over the scenario."""

from collections.abc import Collection
from typing import get_args

from bargaining.agenda import Agenda, Protocol
from bargaining.errors import InvalidInputError
from delegates.models.spec import ModelSpec, parse

QUICK_ROUNDS = 500
"""How many texts are proposed if no model is asked: about a second."""
MODEL_ROUNDS = 50
"""How many if one is: it is asked about less than half of them."""


def follow(agenda: Agenda, protocol: str | None, rounds: int | None, models: Collection[ModelSpec]) -> Agenda:
    """The agenda with another protocol or number of rounds, where the user asks for one.

    An agenda that was written for alternating offers has too few rounds for single texts. So if only the protocol
    is changed, its number of rounds is raised, to `QUICK_ROUNDS`, or to `MODEL_ROUNDS` if a model takes part.

    Args:
        agenda: As it was read.
        protocol: As the user named it; None: the agenda's.
        rounds: None: the agenda's, or the default for a protocol that is not the agenda's.
        models: Who takes part.

    Raises:
        InvalidInputError: There is no such protocol.
    """
    if protocol is not None and protocol not in get_args(Protocol):
        raise InvalidInputError(f"--protocol: there are {' and '.join(get_args(Protocol))}")
    if rounds is None and protocol == "single_text" and agenda.protocol != protocol:
        asked = any(spec.provider != "tactic" for spec in models)
        rounds = max(agenda.rounds, MODEL_ROUNDS if asked else QUICK_ROUNDS)
    changes = {"protocol": protocol or agenda.protocol, "rounds": rounds or agenda.rounds}
    fields = {name: getattr(agenda, name) for name in Agenda.model_fields}
    # validated, so that an agenda of the command line is no looser than one of a file
    return Agenda.model_validate({**fields, **changes})


def mediator(text: str | None, protocol: Protocol) -> ModelSpec | None:
    """The model that mediates; None for the rule.

    Raises:
        InvalidInputError: It is not a model, or the protocol has no mediator.
    """
    if text is None:
        return None
    if protocol != "single_text":
        raise InvalidInputError("--mediator: nobody mediates alternating offers; add --protocol single_text")
    spec = parse(text)
    if spec.provider == "tactic":
        raise InvalidInputError(
            "--mediator: a tactic acts for one side and cannot mediate; name a model, or leave --mediator out "
            "for the rule that comes with negotiation-box"
        )
    return spec
