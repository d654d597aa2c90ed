"""Leaks of a careless program: each is a function that lets a text get out in one way, if nothing stops it.

python -m tests.sandbox.leak WAY PORT FOLDER     the text comes in by standard input: the control, without walls
"""

import logging
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Outside:
    """What a leak can get out to."""

    port: int
    folder: str


Leak: TypeAlias = Callable[[str, Outside], object]
LEAKS: dict[str, Leak] = {}


@dataclass
class Careless:
    """Its representation tells all."""

    kept: str


def leak(function: Leak) -> Leak:
    """Register a leak."""
    LEAKS[function.__name__] = function
    return function


@leak
def print_line(text: str, outside: Outside) -> None:
    for stream in (sys.stdout, sys.stderr):
        print(text, file=stream, flush=True)
    os.write(1, text.encode())


@leak
def log_line(text: str, outside: Outside) -> None:
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger("careless").error("the brief: %s", text)


@leak
def representation(text: str, outside: Outside) -> None:
    sys.stderr.write(repr(Careless(text)))
    sys.stderr.flush()


@leak
def exception(text: str, outside: Outside) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()


@leak
def temporary_file(text: str, outside: Outside) -> None:
    with tempfile.NamedTemporaryFile("w", dir=outside.folder, delete=False) as file:
        file.write(text)


@leak
def file_name(text: str, outside: Outside) -> None:
    (Path(outside.folder) / text).touch()


@leak
def checkpoint(text: str, outside: Outside) -> None:
    with closing(sqlite3.connect(f"{outside.folder}/checkpoint.db")) as database:
        database.execute("create table checkpoint (state)")
        database.execute("insert into checkpoint values (?)", (text,))
        database.commit()


@leak
def trace(text: str, outside: Outside) -> None:
    os.environ["LANGSMITH_TRACING"] = "true"
    os.environ["LANGSMITH_ENDPOINT"] = f"http://127.0.0.1:{outside.port}"
    request = urllib.request.Request(f"http://127.0.0.1:{outside.port}/runs/multipart", data=text.encode())
    urllib.request.urlopen(request, timeout=5).close()


@leak
def name_lookup(text: str, outside: Outside) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(text.encode(), ("127.0.0.1", outside.port))


@leak
def environment(text: str, outside: Outside) -> None:
    _start([sys.executable, "-c", "import sys; sys.stdin.readline()"], {"BRIEF": text})


@leak
def arguments(text: str, outside: Outside) -> None:
    _start([sys.executable, "-c", "import sys; sys.stdin.readline()", text], {})


def _start(command: list[str], variables: dict[str, str]) -> None:
    """Start somebody who stays until this process ends."""
    subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def main() -> None:
    """Leak, say so, and stay until the end of input."""
    way, port, folder = sys.argv[1:]
    text = sys.stdin.readline().strip()
    LEAKS[way](text, Outside(int(port), folder))
    os.write(2, b"\nleaked\n")
    sys.stdin.readline()


if __name__ == "__main__":
    main()
