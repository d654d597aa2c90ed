"""What the commands of the evaluations do alike: checked numbers, rows as they come, errors as messages.

A traceback can hold a brief in its lines or locals, so none is ever printed: an error that nobody foresaw is
reported by its type alone.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from bargaining.errors import ExportError, LimitReachedError, ModelError, NegboxError

OK = 0
BAD_INPUT = 2
UNFORESEEN = 70
INTERRUPTED = 130

_Row = TypeVar("_Row")


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command and end the process with its exit code."""
    code, message = _ended(main)
    if message:
        sys.stderr.write(f"{message}\n")
    sys.exit(code)


def gather(rows: Iterable[_Row], tell: Callable[[int, _Row], str]) -> tuple[list[_Row], int]:
    """Take rows as they come, until there are no more or Ctrl-C.

    Args:
        rows: What makes them.
        tell: A line on each for standard error, by its number, from 1, and the row.

    Returns:
        The rows, and the exit code.
    """
    found: list[_Row] = []
    try:
        for row in rows:
            found.append(row)
            sys.stderr.write(f"{tell(len(found), row)}\n")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: this is what there is.\n")
        return found, INTERRUPTED
    return found, OK


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """An argparse type: whole numbers from `least` to `most`."""
    expected = f"a whole number of at least {least}" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"expected {expected}")
        return number

    return read


def _ended(main: Callable[[], int]) -> tuple[int, str]:
    try:
        return main(), ""
    except KeyboardInterrupt:
        return INTERRUPTED, "Interrupted."
    except NegboxError as error:
        return _code(error), str(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return BAD_INPUT, f"{where}{error.strerror or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - the last resort, see the docstring
        return (
            UNFORESEEN,
            f"an unforeseen error of type {type(error).__name__}; its details could hold a brief",
        )


def _code(error: NegboxError) -> int:
    match error:
        case ModelError():
            return 3
        case LimitReachedError():
            return 4
        case ExportError():
            return 5
        case _:
            return BAD_INPUT
