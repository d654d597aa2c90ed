"""The numbers of system calls, by architecture: those that a filter has to name.

Covered: x86-64 and aarch64, as in the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`; a test compares them
where the headers are installed. Only x86-64 was run.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a filter has to know of a processor."""

    audit: int
    """What the kernel calls it in a filter's data (AUDIT_ARCH_*)."""
    numbers: Mapping[str, int]
    """A name that is missing is a call that this architecture does not have."""
    foreign_from: int | None = None
    """From this number on, calls belong to another ABI that the same processor runs."""


# fmt: off
_X86_64 = {
    "accept": 43, "accept4": 288, "access": 21, "acct": 163, "add_key": 248, "arch_prctl": 158, "bind":
    49, "bpf": 321, "brk": 12, "chdir": 80, "chroot": 161, "clock_getres": 229, "clock_gettime": 228,
    "clock_nanosleep": 230, "clone": 56, "clone3": 435, "close": 3, "connect": 42, "creat": 85,
    "delete_module": 176, "dup": 32, "dup2": 33, "dup3": 292, "epoll_create1": 291, "epoll_ctl": 233,
    "epoll_pwait": 281, "epoll_pwait2": 441, "epoll_wait": 232, "eventfd2": 290, "execve": 59, "execveat":
    322, "exit": 60, "exit_group": 231, "faccessat": 269, "faccessat2": 439, "fadvise64": 221,
    "fallocate": 285, "fchdir": 81, "fcntl": 72, "finit_module": 313, "fork": 57, "fsconfig": 431,
    "fsmount": 432, "fsopen": 430, "fspick": 433, "fstat": 5, "fstatfs": 138, "ftruncate": 77, "futex":
    202, "get_mempolicy": 239, "getcwd": 79, "getdents64": 217, "getegid": 108, "geteuid": 107, "getgid":
    104, "getitimer": 36, "getpeername": 52, "getpgid": 121, "getpgrp": 111, "getpid": 39, "getppid": 110,
    "getpriority": 140, "getrandom": 318, "getresgid": 120, "getresuid": 118, "getrusage": 98,
    "getsockname": 51, "getsockopt": 55, "gettid": 186, "gettimeofday": 96, "getuid": 102, "init_module":
    175, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "ioctl": 16, "ioperm":
    173, "iopl": 172, "kcmp": 312, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "kill": 62,
    "linkat": 265, "listen": 50, "lseek": 8, "lstat": 6, "madvise": 28, "membarrier": 324, "memfd_create":
    319, "mkdir": 83, "mkdirat": 258, "mlock": 149, "mlock2": 325, "mlockall": 151, "mmap": 9,
    "modify_ldt": 154, "mount": 165, "mount_setattr": 442, "move_mount": 429, "mprotect": 10, "mremap":
    25, "munlock": 150, "munlockall": 152, "munmap": 11, "name_to_handle_at": 303, "nanosleep": 35,
    "newfstatat": 262, "open": 2, "open_by_handle_at": 304, "open_tree": 428, "openat": 257, "openat2":
    437, "perf_event_open": 298, "personality": 135, "pidfd_getfd": 438, "pidfd_open": 434,
    "pidfd_send_signal": 424, "pipe": 22, "pipe2": 293, "pivot_root": 155, "poll": 7, "ppoll": 271,
    "prctl": 157, "pread64": 17, "prlimit64": 302, "process_madvise": 440, "process_mrelease": 448,
    "process_vm_readv": 310, "process_vm_writev": 311, "pselect6": 270, "ptrace": 101, "quotactl": 179,
    "read": 0, "readlink": 89, "readlinkat": 267, "readv": 19, "reboot": 169, "recvfrom": 45, "recvmmsg":
    299, "recvmsg": 47, "rename": 82, "renameat": 264, "renameat2": 316, "request_key": 249,
    "restart_syscall": 219, "rseq": 334, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigqueueinfo": 129,
    "rt_sigreturn": 15, "rt_tgsigqueueinfo": 297, "sched_get_priority_max": 146, "sched_get_priority_min":
    147, "sched_getaffinity": 204, "sched_getparam": 143, "sched_getscheduler": 145, "sched_setaffinity":
    203, "sched_yield": 24, "seccomp": 317, "select": 23, "sendmmsg": 307, "sendmsg": 46, "sendto": 44,
    "set_robust_list": 273, "set_tid_address": 218, "setitimer": 38, "setns": 308, "setpgid": 109,
    "setpriority": 141, "setsid": 112, "setsockopt": 54, "shutdown": 48, "sigaltstack": 131, "socket": 41,
    "socketpair": 53, "stat": 4, "statfs": 137, "statx": 332, "swapoff": 168, "swapon": 167, "symlinkat":
    266, "sysinfo": 99, "syslog": 103, "tgkill": 234, "time": 201, "tkill": 200, "umask": 95, "umount2":
    166, "uname": 63, "unlink": 87, "unlinkat": 263, "unshare": 272, "userfaultfd": 323, "vfork": 58,
    "wait4": 61, "waitid": 247, "write": 1, "writev": 20,
}
_AARCH64 = {
    "accept": 202, "accept4": 242, "acct": 89, "add_key": 217, "bind": 200, "bpf": 280, "brk": 214,
    "chdir": 49, "chroot": 51, "clock_getres": 114, "clock_gettime": 113, "clock_nanosleep": 115, "clone":
    220, "clone3": 435, "close": 57, "connect": 203, "delete_module": 106, "dup": 23, "dup3": 24,
    "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "epoll_pwait2": 441, "eventfd2": 19,
    "execve": 221, "execveat": 281, "exit": 93, "exit_group": 94, "faccessat": 48, "faccessat2": 439,
    "fadvise64": 223, "fallocate": 47, "fchdir": 50, "fcntl": 25, "finit_module": 273, "fsconfig": 431,
    "fsmount": 432, "fsopen": 430, "fspick": 433, "fstat": 80, "fstatfs": 44, "ftruncate": 46, "futex":
    98, "get_mempolicy": 236, "getcwd": 17, "getdents64": 61, "getegid": 177, "geteuid": 175, "getgid":
    176, "getitimer": 102, "getpeername": 205, "getpgid": 155, "getpid": 172, "getppid": 173,
    "getpriority": 141, "getrandom": 278, "getresgid": 150, "getresuid": 148, "getrusage": 165,
    "getsockname": 204, "getsockopt": 209, "gettid": 178, "gettimeofday": 169, "getuid": 174,
    "init_module": 105, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "ioctl":
    29, "kcmp": 272, "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219, "kill": 129, "linkat": 37,
    "listen": 201, "lseek": 62, "madvise": 233, "membarrier": 283, "memfd_create": 279, "mkdirat": 34,
    "mlock": 228, "mlock2": 284, "mlockall": 230, "mmap": 222, "mount": 40, "mount_setattr": 442,
    "move_mount": 429, "mprotect": 226, "mremap": 216, "munlock": 229, "munlockall": 231, "munmap": 215,
    "name_to_handle_at": 264, "nanosleep": 101, "newfstatat": 79, "open_by_handle_at": 265, "open_tree":
    428, "openat": 56, "openat2": 437, "perf_event_open": 241, "personality": 92, "pidfd_getfd": 438,
    "pidfd_open": 434, "pidfd_send_signal": 424, "pipe2": 59, "pivot_root": 41, "ppoll": 73, "prctl": 167,
    "pread64": 67, "prlimit64": 261, "process_madvise": 440, "process_mrelease": 448, "process_vm_readv":
    270, "process_vm_writev": 271, "pselect6": 72, "ptrace": 117, "quotactl": 60, "read": 63,
    "readlinkat": 78, "readv": 65, "reboot": 142, "recvfrom": 207, "recvmmsg": 243, "recvmsg": 212,
    "renameat": 38, "renameat2": 276, "request_key": 218, "restart_syscall": 128, "rseq": 293,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigqueueinfo": 138, "rt_sigreturn": 139,
    "rt_tgsigqueueinfo": 240, "sched_get_priority_max": 125, "sched_get_priority_min": 126,
    "sched_getaffinity": 123, "sched_getparam": 121, "sched_getscheduler": 120, "sched_setaffinity": 122,
    "sched_yield": 124, "seccomp": 277, "sendmmsg": 269, "sendmsg": 211, "sendto": 206, "set_robust_list":
    99, "set_tid_address": 96, "setitimer": 103, "setns": 268, "setpgid": 154, "setpriority": 140,
    "setsid": 157, "setsockopt": 208, "shutdown": 210, "sigaltstack": 132, "socket": 198, "socketpair":
    199, "statfs": 43, "statx": 291, "swapoff": 225, "swapon": 224, "symlinkat": 36, "sysinfo": 179,
    "syslog": 116, "tgkill": 131, "tkill": 130, "umask": 166, "umount2": 39, "uname": 160, "unlinkat": 35,
    "unshare": 97, "userfaultfd": 282, "wait4": 260, "waitid": 95, "write": 64, "writev": 66,
}
# fmt: on

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "x86_64": Architecture(0xC000003E, MappingProxyType(_X86_64), foreign_from=0x40000000),  # x32
        "aarch64": Architecture(0xC00000B7, MappingProxyType(_AARCH64)),
    }
)
"""By `platform.machine()`."""


def here() -> Architecture | None:
    """This machine's, or None if it is not known."""
    return ARCHITECTURES.get(platform.machine())
