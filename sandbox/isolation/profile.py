"""Which system calls a closed process may make, by what it is for.

    box      an interpreter that has loaded everything and talks over inherited sockets: no files, no new sockets,
             threads, processes or code
    broker   reads files, starts threads, connects by TCP and UDP; loads libraries, never makes memory code
    engine   a broker that starts another program: also fork, exec, wait, and signals

Three answers. A call that some library may try in good faith, and copes without, is refused (EPERM), one that is not
known here does not exist (ENOSYS, so that libc takes an older one), and one that nobody here needs for any good
purpose ends the process: it is under attack, and what comes next may be a hole of the kernel.
Not covered: what a call does with the memory that it is pointed to; a filter sees numbers only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Profile = Literal["box", "broker", "engine"]


@dataclass(frozen=True, slots=True)
class Only:
    """A call is allowed only if some bits of one argument have one of these values."""

    argument: int
    values: tuple[int, ...]
    bits: int = 0xFFFFFFFF
    high: bool = False
    """Look at the upper half of the argument."""
    but: bool = False
    """Turn it around: any values but these."""


Allowed: TypeAlias = Mapping[str, tuple[Only, ...]]
"""Calls, each with what has to hold for its arguments, all together."""


def _calls(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_BOX = _calls("""
    read write readv writev pread64 close lseek fstat munmap mremap madvise brk futex sched_yield nanosleep
    clock_nanosleep clock_gettime clock_getres gettimeofday time getrandom rt_sigaction rt_sigprocmask rt_sigreturn
    sigaltstack getpid gettid getppid getuid geteuid getgid getegid exit exit_group epoll_wait epoll_pwait
    epoll_pwait2 epoll_ctl epoll_create1 recvfrom recvmsg sendmsg shutdown getsockopt getsockname getpeername dup dup2
    dup3 pipe pipe2 eventfd2 poll ppoll select pselect6 sched_getaffinity getrusage set_robust_list rseq
    restart_syscall setitimer getitimer mlock mlock2 munlock mlockall munlockall
""")
_READING = _calls("""
    stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd getdents64 statfs fstatfs
    fadvise64 uname sysinfo umask
""")
_ENGINE = _calls("""
    fork vfork execve wait4 waitid kill tkill tgkill chdir setsid setpgid set_tid_address arch_prctl membarrier
    sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min sched_setaffinity getpriority
    get_mempolicy getresuid getresgid getpgrp getpgid pidfd_open
""")
_NETWORK = ("connect", "sendmmsg", "recvmmsg")

REFUSED = _calls("""
    open openat openat2 creat stat lstat newfstatat access faccessat readlink readlinkat getcwd getdents64 statfs
    unlink unlinkat mkdir mkdirat rename renameat renameat2 symlinkat linkat fchdir chdir ftruncate fallocate
    socket connect bind listen accept accept4 sendmmsg setsockopt clone fork vfork execve execveat kill tkill tgkill
    rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal memfd_create prctl prlimit64 setpriority
    mmap mprotect fcntl ioctl socketpair sendto uname
""")
DEADLY = _calls("""
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_getfd kcmp bpf perf_event_open
    userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key mount umount2 fsopen
    fsmount fsconfig fspick move_mount open_tree mount_setattr pivot_root chroot unshare setns kexec_load
    kexec_file_load init_module finit_module delete_module open_by_handle_at name_to_handle_at swapon swapoff reboot
    acct quotactl syslog iopl ioperm modify_ldt personality seccomp
""")

_WRITE, _EXECUTE = 2, 4
_NO_CODE = Only(2, (0,), _EXECUTE)
_NO_FRESH_CODE = Only(2, (0, _WRITE, _EXECUTE), _WRITE | _EXECUTE)

# Not F_SETOWN and F_SETSIG (nor FIOSETOWN): they make the kernel send a signal of one's choice to any process.
_FCNTL = Only(1, (0, 1, 2, 3, 4, 1030))
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC."""
_LOCKS = (5, 6, 7, 36, 37, 38)
_IOCTL = Only(1, (0x5401, 0x541B, 0x5421, 0x5450, 0x5451))
"""TCGETS (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""

_PAIR = (Only(0, (1,)), Only(1, (1,), 0xF))
"""A pair of connected stream sockets. Not datagrams: those could name another receiver for each message."""
_INTERNET = (Only(0, (2, 10)), Only(1, (1, 2), 0xF))
"""TCP and UDP. Not netlink: libc asks it for addresses, and copes."""
_OPTIONS = Only(1, (0, 1, 6, 41))
"""IP, socket, TCP, IPv6."""
_NO_RECEIVER = (Only(4, (0,)), Only(4, (0,), high=True))

_CREATING = 0o100 | 0o1000 | 0o20000000
"""O_CREAT, O_TRUNC, O_TMPFILE. Those in use are the same on both architectures."""
_OPENING = {"broker": _CREATING | 3, "engine": _CREATING}
"""An engine opens /dev/null for writing; what else could be written, Landlock and the mounts decide."""

_NEW_NAMESPACES = 0x7E020000
_THREAD = 0x10000
_CLONING = {
    "broker": Only(0, (_THREAD,), _NEW_NAMESPACES | _THREAD),
    "engine": Only(0, (0,), _NEW_NAMESPACES),
}

_PRCTL = (Only(0, (1, 3, 4, 15, 16, 39)), Only(1, (1,), but=True))
"""SET_PDEATHSIG, GET_DUMPABLE, SET_DUMPABLE, SET_NAME, GET_NAME, GET_NO_NEW_PRIVS; never SET_DUMPABLE to 1, which would
let other processes look in."""


def allowed(profile: Profile, pid: int, *, network: bool) -> Allowed:
    """The calls that a profile allows.

    Args:
        profile: What the process is for.
        pid: Its process id: it may signal itself, as `abort` does.
        network: Whether it may connect.
    """
    calls: dict[str, tuple[Only, ...]] = dict.fromkeys(_BOX, ())
    calls |= {
        "mmap": (_NO_CODE,),
        "mprotect": (_NO_CODE,),
        "fcntl": (_FCNTL,),
        "ioctl": (_IOCTL,),
        "socketpair": _PAIR,
        "sendto": _NO_RECEIVER,
        "tgkill": (Only(0, (pid,)),),
    }
    if profile == "box":
        return calls
    calls |= dict.fromkeys(_READING, ())
    calls |= {
        "mmap": (_NO_FRESH_CODE,),
        "fcntl": (Only(1, (*_FCNTL.values, *_LOCKS)),),
        "open": (Only(1, (0,), _OPENING[profile]),),
        "openat": (Only(2, (0,), _OPENING[profile]),),
        "clone": (_CLONING[profile],),
        "prctl": _PRCTL,
        "prlimit64": (Only(0, (0,)),),
    }
    if network:
        calls |= dict.fromkeys(_NETWORK, ())
        calls |= {"socket": _INTERNET, "setsockopt": (_OPTIONS,), "sendto": ()}
    if profile == "engine":
        calls |= dict.fromkeys(_ENGINE, ())
    return calls
