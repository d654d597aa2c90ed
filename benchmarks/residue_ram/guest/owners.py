"""Which process of the guest has which page of its RAM.

Covered: anonymous memory, data of libraries that was written to, stacks; each process by the module that it runs.
Not covered: pages of files, which several have; pages of the kernel and free ones, which nobody has.
"""

import base64
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sandbox import memory

_PRESENT, _OF_A_FILE, _NUMBER = 1 << 63, 1 << 61, (1 << 55) - 1


def pages() -> dict[str, str]:
    """The pages of each process but this one: a bit for each page of the machine, packed."""
    found: dict[str, bytearray] = {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
        with suppress(OSError):  # it has ended
            if pid != os.getpid() and (name := _name(pid)):
                bits = found.setdefault(name, bytearray())
                for number in _numbers(pid):
                    if number >> 3 >= len(bits):
                        bits.extend(bytes((number >> 3) + 4096 - len(bits)))
                    bits[number >> 3] |= 1 << (number & 7)
    return {name: base64.b64encode(zlib.compress(bits)).decode() for name, bits in found.items()}


def unpack(packed: str) -> bytes:
    """The bits again."""
    return zlib.decompress(base64.b64decode(packed))


def _name(pid: int) -> str:
    """What a process runs; empty for a thread of the kernel."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if "-m" in words:
        name = words[words.index("-m") + 1].rpartition(".")[2]
        return "box" if name == "inside" else name
    return Path(words[0]).name


def _numbers(pid: int) -> Iterator[int]:
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as file:
        for mapping in memory.mappings(pid):
            if mapping.name.startswith("[vsyscall"):
                continue
            entries = array("Q")
            file.seek(mapping.start // memory.PAGE * 8)
            entries.frombytes(file.read((mapping.end - mapping.start) // memory.PAGE * 8))
            for entry in entries:
                if entry & _PRESENT and not entry & _OF_A_FILE:
                    yield entry & _NUMBER
