"""A filter of system calls, written as the kernel's own bytecode (classic BPF).

Covered: calls of another architecture, or of x86's other ABI (x32), end the process; all threads get the filter.
Not covered: what is allowed and why; see `profile`.
"""

import ctypes
import errno
import struct
from collections.abc import Iterable

from sandbox.isolation import kernel
from sandbox.isolation.profile import DEADLY, REFUSED, Allowed, Only
from sandbox.isolation.syscalls import Architecture

_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_LOAD, _JUMP, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_Step = tuple[int, int, int, int]
"""Operation, how far to jump if true, and if false, operand."""


def program(architecture: Architecture, allowed: Allowed) -> bytes:
    """The bytecode of a filter."""
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if architecture.foreign_from is not None:
        steps += [(_AT_LEAST, 0, 1, architecture.foreign_from), (_RETURN, 0, 0, _KILL)]
    for name, conditions in allowed.items():
        steps += _answer(architecture, name, [*_check(conditions), (_RETURN, 0, 0, _ALLOW)])
    for name in DEADLY:
        steps += _answer(architecture, name, [(_RETURN, 0, 0, _KILL)])
    for name in REFUSED:
        if name not in allowed:
            steps += _answer(architecture, name, [(_RETURN, 0, 0, _ERROR | errno.EPERM)])
    steps.append((_RETURN, 0, 0, _ERROR | errno.ENOSYS))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def install(bytecode: bytes, number: int) -> None:
    """Filter all threads of this process, for good.

    Args:
        bytecode: The filter.
        number: That of the call `seccomp` here.

    Raises:
        OSError: The kernel refuses.
    """
    code = ctypes.create_string_buffer(bytecode, len(bytecode))
    header = struct.pack("@HP", len(bytecode) // 8, ctypes.addressof(code))
    offered = ctypes.create_string_buffer(header, len(header))
    if kernel.call(
        number, _SET_MODE_FILTER, _ALL_THREADS, offered
    ):  # else the number of a thread that resisted
        raise OSError(errno.ESRCH, "a thread could not be filtered")


def _answer(architecture: Architecture, name: str, steps: list[_Step]) -> list[_Step]:
    number = architecture.numbers.get(name)
    return [] if number is None else [(_EQUAL, 0, len(steps), number), *steps]


def _check(conditions: Iterable[Only]) -> list[_Step]:
    steps: list[_Step] = []
    for only in conditions:
        # both architectures are little-endian: the lower half of an argument comes first
        steps.append((_LOAD, 0, 0, _ARGUMENTS_AT + 8 * only.argument + 4 * only.high))
        if only.bits != 0xFFFFFFFF:
            steps.append((_AND, 0, 0, only.bits))
        for index, value in enumerate(only.values):
            # if equal: to what follows the refusal, or, if these are the refused ones, to the refusal
            steps.append((_EQUAL, len(only.values) - index, 0, value))
        if only.but:
            steps.append((_JUMP, 0, 0, 1))
        steps.append((_RETURN, 0, 0, _ERROR | errno.EPERM))
    return steps
