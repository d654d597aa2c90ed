"""How a command ends: messages for people, exit codes for programs.

A traceback can hold a brief in its lines or locals, so none is ever printed: an error that nobody foresaw is
reported by its type alone.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

OK = 0
BAD_INPUT = 2
MODEL = 3
LIMITS = 4
SANDBOX = 5
UNFORESEEN = 70
INTERRUPTED = 130

UNFORESEEN_ADVICE = (
    "Its details are not shown, because they could hold what must stay private. "
    "Please report how to get it with a made-up scenario."
)

PATIENCE_SECONDS = 0.3
"""How long an interrupted block may take to end by itself, before it is interrupted again."""


def code_of(error: BaseException) -> int:
    """The exit code for an error."""
    from bargaining.errors import (  # noqa: PLC0415
        ExportError,
        InvalidInputError,
        LimitReachedError,
        ModelError,
        SandboxError,
    )

    match error:
        case InvalidInputError():
            return BAD_INPUT
        case ModelError():
            return MODEL
        case LimitReachedError():
            return LIMITS
        case ExportError() | SandboxError():
            return SANDBOX
        case KeyboardInterrupt():
            return INTERRUPTED
        case _:
            return UNFORESEEN


def say(text: str) -> None:
    """One message to the user, on standard error."""
    with suppress(OSError, ValueError):  # nobody reads it: no reason to end what is going well
        sys.stderr.write(text.rstrip() + "\n")


@contextmanager
def interruptible(
    cancel: Callable[[], object] | None = None, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[Sequence[int]]:
    """Let Ctrl-C and a request to end (SIGTERM) interrupt a block, and insist on it.

    Args:
        cancel: Asks the block to end. Without it, KeyboardInterrupt is raised at once. Either way it is raised
            (again) where the block goes on: an event loop that imports something does not notice that it is
            cancelled, and pydantic swallows the exception and calls the input invalid.
        patience_seconds: How soon it is raised again. What has to be told how the end went takes longer.

    Yields:
        The signals that came so far.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if number != signal.SIGALRM:
            received.append(number)
            signal.setitimer(signal.ITIMER_REAL, patience_seconds, patience_seconds)
            if cancel:
                cancel()
                return
        raise KeyboardInterrupt

    # a closed terminal, a lost connection and Ctrl-\\ are requests to end, too
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM)
    # who started us may have decided that we ignore Ctrl-C, as shells do for commands in the background
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def guarded(command: Callable[..., Any]) -> int:
    """Run a typer command; print errors as messages, never as tracebacks."""
    with interruptible() as received:
        code, message = _ended(command)
    if received:  # what an interrupt cuts off in the middle can look like any other error
        code, message = INTERRUPTED, "Interrupted."
    if message:
        say(message)
    return code


def leave(code: int) -> NoReturn:
    """End the process at once: everything is closed, and taking a big interpreter apart takes half a second."""
    try:
        sys.stdout.flush()
    except OSError:  # whoever read our output has gone
        pass
    finally:
        os._exit(code)


def _ended(command: Callable[..., Any]) -> tuple[int, str]:
    from bargaining.errors import NegboxError  # noqa: PLC0415

    try:
        command()
    except SystemExit as end:  # how typer ends, after it has explained a usage error itself
        return (end.code if isinstance(end.code, int) else OK), ""
    except KeyboardInterrupt:
        return INTERRUPTED, "Interrupted."
    except NegboxError as error:
        return code_of(error), f"negbox: {error}"
    except BaseException as error:  # noqa: BLE001 - the last resort, see the docstring; a panic in Rust is no Exception
        return UNFORESEEN, f"negbox: an unforeseen error of type {type(error).__name__}. {UNFORESEEN_ADVICE}"
    return OK, ""
