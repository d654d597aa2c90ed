"""`negbox eval export`: writes what a sweep left for another program to read."""

import sys
from pathlib import Path

from app import exits
from evals import inspect_log, store


def export(folder: Path, to: Path) -> int:
    """Write logs for Inspect, and name them.

    Args:
        folder: What `negbox eval run --out` wrote.
        to: A file that ends in `.json`, or a folder.

    Returns:
        The exit code.

    Raises:
        InvalidInputError: There is nothing to write, or it cannot be written.
    """
    sys.stdout.writelines(f"written  {file}\n" for file in inspect_log.write(folder, to))
    done, total = len(store.read(folder)[1]), store.planned(folder)
    if done < total:
        exits.say(
            f"The sweep has not run to its end: {done} of {total} negotiations. Its logs say `cancelled`."
        )
    return exits.OK
