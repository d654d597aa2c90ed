"""How a command ends: messages for people, exit codes for programs.

A traceback can hold a brief in its lines or locals, so none is ever printed: an error that nobody foresaw is
reported by its type alone.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

OK = 0
BAD_INPUT = 2
MODEL = 3
LIMITS = 4
SANDBOX = 5
UNFORESEEN = 70
INTERRUPTED = 130


def code_of(error: BaseException) -> int:
    """The exit code for an error."""
    from bargaining.errors import ExportError, InvalidInputError, LimitReachedError, ModelError  # noqa: PLC0415

    match error:
        case InvalidInputError():
            return BAD_INPUT
        case ModelError():
            return MODEL
        case LimitReachedError():
            return LIMITS
        case ExportError():
            return SANDBOX
        case KeyboardInterrupt():
            return INTERRUPTED
        case _:
            return UNFORESEEN


def say(text: str) -> None:
    """One message to the user, on standard error."""
    sys.stderr.write(text.rstrip() + "\n")


def guarded(command: Callable[..., Any]) -> int:
    """Run a typer command; print errors as messages, never as tracebacks."""
    from bargaining.errors import NegboxError  # noqa: PLC0415

    try:
        command()
    except SystemExit as end:  # how typer ends, after it has explained a usage error itself
        return end.code if isinstance(end.code, int) else OK
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has gone: nothing more to say, and nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except NegboxError as error:
        say(f"negbox: {error}")
        return code_of(error)
    except Exception as error:  # noqa: BLE001 - the last resort, see the docstring
        say(
            f"negbox: an unforeseen error of type {type(error).__name__}. Its details are not shown, because they "
            "could hold what must stay private. Please report how to get it with a made-up scenario."
        )
        return UNFORESEEN
    return OK
