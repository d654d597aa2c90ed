"""The few calls to the kernel that Python does not offer, by ctypes.

Covered: x86-64 and aarch64; only x86-64 was run. The numbers used are the same on both, or come from the caller.
"""

import ctypes
import os
from functools import cache

PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
PR_SET_THP_DISABLE = 41
PR_SET_NO_NEW_PRIVS = 38

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
"""Everywhere the same."""

CLONE_THREAD = 0x10000

Argument = int | ctypes.Array[ctypes.c_char] | None


@cache
def libc() -> ctypes.CDLL:
    """The C library, with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: Argument) -> int:
    """A system call by its number.

    Raises:
        OSError: It failed.
    """
    passed = [
        ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_void_p(_address(argument))
        for argument in arguments
    ]
    return _checked(libc().syscall(ctypes.c_long(number), *passed))


def prctl(option: int, *arguments: int) -> int:
    """Ask or change something about this process.

    Raises:
        OSError: It failed.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(libc().prctl(option, *(ctypes.c_ulong(argument) for argument in padded)))


def has_threads() -> bool:
    """Whether this process has other threads, those of libraries included.

    The kernel refuses to "unshare" the thread group unless there is only one thread, and does nothing if so.
    """
    try:
        _checked(libc().unshare(CLONE_THREAD))
    except OSError:
        return True
    return False


def _address(buffer: ctypes.Array[ctypes.c_char] | None) -> int | None:
    return None if buffer is None else ctypes.addressof(buffer)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
