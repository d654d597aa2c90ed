"""Attacks that reach out: network, sockets, files."""

import os
import socket
from pathlib import Path

from tests.sandbox.isolation.attack import Targets, attack


@attack
def tcp(targets: Targets) -> None:
    with socket.socket(socket.AF_INET) as client:
        client.connect(
            (b"127.0.0.1", targets.port)
        )  # as bytes: what reads a string is loaded with the first one


@attack
def tcp_elsewhere(targets: Targets) -> None:
    with socket.socket(socket.AF_INET) as client:
        client.connect((b"127.0.0.1", targets.other_port))


@attack
def udp(targets: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (b"127.0.0.1", targets.port))


@attack
def dns(targets: Targets) -> None:
    socket.getaddrinfo(b"localhost", targets.port)


@attack
def netlink(targets: Targets) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.bind((0, 0))


@attack
def vsock(targets: Targets) -> None:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


@attack
def abstract_socket(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + targets.abstract)


@attack
def path_socket(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(targets.path)


@attack
def datagram_from_a_pair(targets: Targets) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.sendto(b"x", targets.datagrams)


@attack
def read_a_file(targets: Targets) -> None:
    Path(targets.secret).read_text()


@attack
def read_passwd(targets: Targets) -> None:
    Path("/etc/passwd").read_text()


@attack
def look_at_a_file(targets: Targets) -> None:
    os.stat(targets.secret)


@attack
def list_home(targets: Targets) -> None:
    os.listdir("/home")


@attack
def read_proc(targets: Targets) -> None:
    Path("/proc/self/maps").read_text()


@attack
def write_a_file(targets: Targets) -> None:
    Path(targets.folder, "written").write_text("x")


@attack
def write_tmp(targets: Targets) -> None:
    name = f"/tmp/probe-{os.getpid()}"
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
    os.unlink(name)


@attack
def write_root(targets: Targets) -> None:
    os.mkdir("/probe")
    os.rmdir("/probe")


@attack
def write_code(targets: Targets) -> None:
    name = Path(__file__).with_name(f"probe-{os.getpid()}")
    name.touch()
    name.unlink()
