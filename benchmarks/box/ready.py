"""A process that says when it is there: what is started to compare walls. It needs no rights and no network.

python -m benchmarks.box.ready FD [box]        box: load and rehearse what a box does before it is closed
"""

import os
import sys


def main() -> None:
    """Say so, and end without cleaning up: that is not what is measured."""
    if sys.argv[2:] == ["box"]:
        import sandbox.inside  # noqa: F401
        from sandbox.rehearsal import rehearse

        rehearse()
    os.write(int(sys.argv[1]), b"ready")
    os._exit(0)


if __name__ == "__main__":
    main()
