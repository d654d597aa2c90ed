"""What there is to attack, and the walls that this machine can build."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict

import pytest

from bargaining.errors import SandboxError
from sandbox import host
from sandbox.isolation import ladder
from sandbox.isolation.interface import Isolation
from tests.sandbox.isolation.attack import Targets


@pytest.fixture(scope="session")
def facts() -> host.Facts:
    return host.gather()


@pytest.fixture(scope="session")
def bubblewrap(facts: host.Facts) -> Isolation:
    return _build("bwrap", facts)


@pytest.fixture(scope="session", params=["bwrap", "landlock"])
def walls(request: pytest.FixtureRequest, facts: host.Facts) -> Isolation:
    return _build(request.param, facts)


def _build(level: str, facts: host.Facts) -> Isolation:
    try:
        return ladder.build(level, facts)  # type: ignore[arg-type]  # one of the levels
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process, sockets of all kinds, a file and a folder, all of which an ordinary process can reach."""
    folder = tmp_path_factory.mktemp("targets")
    (folder / "secret").write_text("x")
    abstract = f"negbox-{os.getpid()}"
    with ExitStack() as closing:
        servers = [closing.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        for address in ("\0" + abstract, str(folder / "s")):
            server = closing.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen(50)
        datagrams = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(folder / "d"))
        victim = closing.enter_context(subprocess.Popen(["sleep", "600"]))
        closing.callback(victim.kill)
        yield json.dumps(
            asdict(
                Targets(
                    pid=victim.pid,
                    port=servers[0].getsockname()[1],
                    other_port=servers[1].getsockname()[1],
                    abstract=abstract,
                    path=str(folder / "s"),
                    datagrams=str(folder / "d"),
                    secret=str(folder / "secret"),
                    folder=str(folder),
                )
            )
        )
