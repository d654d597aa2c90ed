"""What a box says at its end: one number, of which there are as many as there are results.

Covered: nothing but a result of the agenda can be said, and all results are said in equally many bytes.
"""

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import ExportError

LARGEST_BYTES = 4096
"""What is read of a box's record at most. An agenda whose record would be longer cannot be negotiated in a box."""


def write(result: Agreement | NoDeal, agenda: Agenda) -> bytes:
    """A result as its number: an outcome's index, or the size of the space for no deal.

    Raises:
        InvalidOutcomeError: The terms are not an outcome of the agenda.
    """
    space = agenda.space
    number = space.index(space.outcome(result.terms)) if isinstance(result, Agreement) else space.size
    return f"{number:0{width(agenda)}d}".encode()


def width(agenda: Agenda) -> int:
    """How many digits a record has."""
    return len(str(agenda.space.size))


def read(record: bytes, agenda: Agenda) -> Agreement | NoDeal:
    """The result that a record says.

    Raises:
        ExportError: It is not exactly a record.
    """
    if len(record) != width(agenda) or not record.isdigit():  # of bytes: only 0 to 9
        raise ExportError("what the box said is not a result")
    number, space = int(record), agenda.space
    if number > space.size:
        raise ExportError("what the box said is not a result of this agenda")
    return NoDeal() if number == space.size else Agreement(terms=dict(space.at(number)))
