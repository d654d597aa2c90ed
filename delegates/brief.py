"""The brief: a principal's private context for its delegate.

Covered: a redacted representation, refusal to be pickled or copied, errors without values (`bargaining.private`).
Not covered: the memory of the process that holds it. A brief is an ordinary Python object until the box wipes it.
"""

from contextlib import suppress
from fractions import Fraction
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate, Mandate
from bargaining.private import Private
from bargaining.utility import Preferences, UtilityFunction
from delegates.document import parse

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

Disclosure = Literal["never", "if_asked", "free"]
"""Whether a delegate may tell the other side: never, when it is asked, or whenever it helps."""


class Fact(Private):
    """Something that the principal knows, and who else may know it."""

    text: str = Field(min_length=1, max_length=2000)
    disclosure: Disclosure
    keywords: tuple[Annotated[str, Field(min_length=2, max_length=80, pattern=r"\w")], ...] = ()
    """Words or phrases that would give the fact away. The guard keeps each of them out of every message."""


class Brief(Private):
    """What one principal wants, knows and allows. It belongs to its delegate and to nobody else."""

    narrative: str = Field(min_length=1, max_length=20_000)
    """The principal's own words."""
    facts: tuple[Fact, ...] = Field(default=(), max_length=100)
    preferences: Preferences | None = None
    """How much each outcome is worth. Without it there is no advisor, no tactic and no reservation value."""
    mandate: Mandate
    outside_options: tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...] = ()
    """What the principal can do without a deal, best first: its BATNA and what comes after. Never disclosed."""

    def to_yaml(self) -> str:
        """The brief as a file would say it."""
        said = self.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)
        return str(yaml.dump(_plain(said), Dumper=_DUMPER))

    @classmethod
    def from_yaml(cls, text: str) -> "Brief":
        """Read a brief that stands by itself. For messages with lines, see `scenario.load_brief`.

        Raises:
            InvalidInputError: It is not a brief. What is wrong with it is not said.
        """
        found: Brief | None = None
        with suppress(ValidationError):
            found = cls.model_validate(parse(text, "brief").data)
        if found is None:
            raise InvalidInputError("this is not a brief: check the file with 'negbox brief check'")
        return found

    def bind(self, agenda: Agenda) -> tuple[UtilityFunction | None, BoundMandate]:
        """The preferences, if there are any, and the mandate, bound to an agenda.

        Raises:
            InvalidInputError: They do not fit the agenda, or contradict each other.
        """
        utility = UtilityFunction(self.preferences, agenda) if self.preferences else None
        return utility, BoundMandate(self.mandate, agenda, utility)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case Fraction():
            return str(value)
        case _:
            return value
