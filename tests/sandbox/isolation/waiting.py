"""A child that says it is ready, does as it is told, and waits for the end of its line.

    python -m tests.sandbox.isolation.waiting FD

Told "fork", it starts another process first; told "spawn", a waiting child behind the walls of `landlock`, whose
process id it says. Told "stay" or "harden", it goes on even after the end of its line.
"""

import os
import select
import socket
import sys

line = socket.socket(fileno=int(sys.argv[1]))
line.sendall(b"ready")
told = line.recv(16)
if told == b"fork" and not os.fork():
    line.recv(16)
    os._exit(0)
if told == b"spawn":
    from sandbox.isolation.landlock import LandlockIsolation
    from tests.sandbox.isolation.attacking import begin

    child, inner = begin(LandlockIsolation())
    inner.sendall(b"harden")
    assert inner.recv(4) == b"done"
    line.sendall(str(child.pid).encode())
if told == b"harden":
    from sandbox.isolation.harden import harden

    harden()
    line.sendall(b"done")
if told in {b"fork", b"stay"}:
    line.sendall(b"done")
if told in {b"harden", b"stay"}:
    select.select([], [], [])
line.recv(16)
os._exit(0)
