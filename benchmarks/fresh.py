"""What a measurement in a fresh process does at its end: it prints one JSON object, and nothing else."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

NOT_INSTALLED = 3
"""The exit code that says that what was to be measured cannot be imported."""


def printed(measured: Callable[[], Any], cpu: int | None) -> None:
    """Measure, and print it.

    Args:
        measured: What is printed.
        cpu: The only core to use; None: all.
    """
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    ours = os.dup(1)
    os.dup2(2, 1)  # whatever a framework prints must not get between
    try:
        found = measured()
    except ModuleNotFoundError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(NOT_INSTALLED) from None
    with os.fdopen(ours, "w", encoding="utf-8") as stream:
        json.dump(found, stream)
    sys.stdout.flush()
