"""What a hostile delegate would try: a child that runs attacks by name and says how each went.

    python -m tests.sandbox.isolation.probe FD TARGETS CLOSED ATTACK...

TARGETS is JSON (see `attack`); CLOSED is a profile of `harden`, or "open". One line for each attack: its name, and
"ok" or the name of what stopped it. An attack that ends the process leaves no line.
"""

import errno
import json
import os
import socket
import sys

from sandbox.isolation.harden import harden
from sandbox.isolation.profile import Profile
from tests.sandbox.isolation import breaking, reaching  # noqa: F401 - they register the attacks
from tests.sandbox.isolation.attack import ATTACKS, Targets


def main() -> None:
    speaker = socket.socket(fileno=int(sys.argv[1]))
    targets = Targets(**json.loads(sys.argv[2]))
    profiles: dict[str, Profile] = {"box": "box", "broker": "broker", "engine": "engine"}
    if closed := profiles.get(sys.argv[3]):
        ports = [targets.port] if closed == "broker" else []
        done = harden(role=closed, network_ports=ports)
        speaker.sendall(f"hardened {done.dumpable_off}-{done.landlock_abi}-{done.seccomp}\n".encode())
    for name in sys.argv[4:]:
        try:
            ATTACKS[name](targets)
        except OSError as error:
            result = errno.errorcode.get(error.errno or 0, type(error).__name__)
        except BaseException as error:
            result = type(error).__name__
        else:
            result = "ok"
        speaker.sendall(f"{name} {result}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
