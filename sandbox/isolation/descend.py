"""Between root and the walls of a child: open its way, set its limits, become its user, and be what it is to run.

    python -I -S -B descend.py FD

FD holds the plan (made by `sandbox.isolation.descent.down`), and is closed. This is a program of its own, with nothing
but the standard library: with `preexec_fn` the same would run in a copy of its starter, and copy what that holds.
Covered: nothing that is mounted here is seen by any other process. No way back to root.
Not covered: it says nothing; what goes wrong is told by its status, and by what it would say to a standard error.
"""

import marshal
import os
import resource
import sys

_NEW_MOUNTS = 0x20000
_NO_SETUID, _NO_DEVICES, _READ_ONLY, _AGAIN, _BIND, _ALL_BELOW, _HEAR_ONLY = 2, 4, 1, 32, 4096, 16384, 1 << 19


def main() -> None:
    """Do it, and never return."""
    with open(int(sys.argv[1]), "rb") as file:
        plan = marshal.load(file)  # noqa: S302 - from our own starter; json would take as long as the interpreter
    if plan["doors"]:
        _open_way(plan["doors"], plan["shown"])
    os.chdir("/")
    for name, value in plan["limits"]:
        most = resource.getrlimit(name)[1]
        limit = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(name, (limit, limit))
    user = plan["user"]
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        os.execve(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606 - our own command
    sys.exit("root could be taken back")


def _open_way(doors: list[str], shown: list[str]) -> None:
    """Put an open folder over each closed one, with no more in it than is shown, for this process and its children."""
    import ctypes  # noqa: PLC0415 - it takes longer than all the rest, and is not always needed

    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str | None, place: str | None, kind: str | None, flags: int, data: str | None) -> None:
        texts = [None if text is None else os.fsencode(text) for text in (source, place, kind)]
        told = None if data is None else data.encode()
        if libc.mount(*texts, ctypes.c_ulong(flags), told):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), place)

    if libc.unshare(_NEW_MOUNTS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    mount(None, "/", None, _HEAR_ONLY | _ALL_BELOW, None)  # else the machine would get our mounts too
    held = [(path, os.open(path, os.O_PATH), os.path.isdir(path)) for path in shown]
    os.umask(0o022)
    for door in doors:
        mount("none", door, "tmpfs", _NO_SETUID | _NO_DEVICES, "mode=0755,size=65536")
    for path, descriptor, is_folder in held:
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
        if not is_folder:
            os.close(os.open(path, os.O_CREAT | os.O_RDONLY))
        mount(f"/proc/self/fd/{descriptor}", path, None, _BIND | _ALL_BELOW, None)
        os.close(descriptor)
    for door in doors:
        mount(None, door, None, _AGAIN | _BIND | _READ_ONLY | _NO_SETUID | _NO_DEVICES, None)


if __name__ == "__main__":
    main()
