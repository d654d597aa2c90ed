"""What a real box does at least: it closes itself, hears a secret, and waits. `python -m tests.sandbox.holder FD`."""

import socket
import sys

from sandbox.isolation.harden import harden


def main() -> None:
    """Hold what comes in, until the end."""
    line = socket.socket(fileno=int(sys.argv[1]))
    harden()
    line.sendall(b"closed")
    kept = line.recv(1000)
    many = [kept + str(number).encode() for number in range(1000)]
    line.sendall(b"held" if many else b"")
    line.recv(1)


if __name__ == "__main__":
    main()
