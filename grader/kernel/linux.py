"""Linux's own means of keeping a process in its place, through ctypes: Landlock, seccomp, namespaces, capabilities.

No kept package offers these (several were looked at), and each is a few system calls. Every function raises
``OSError`` where the running system does not offer what it does. It imports the standard library alone, since
it runs in the notebook's process before anything else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_MACHINE = platform.machine()


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int, *arguments: Any, what: str) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def _prctl(option: int, *arguments: int, what: str) -> int:
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(ctypes.c_int(option), *padded), what)


def no_new_privileges() -> None:
    """No program that this process starts gains rights by its set-uid bit."""
    _prctl(38, 1, what="PR_SET_NO_NEW_PRIVS")


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Be killed, or be sent another signal, when the parent dies."""
    _prctl(1, number, what="PR_SET_PDEATHSIG")


def adopt_orphans() -> None:
    """Be the parent of whatever this process's descendants leave behind."""
    _prctl(36, 1, what="PR_SET_CHILD_SUBREAPER")


def children() -> list[int]:
    """Numbers of this process's children, from the lists that Linux keeps; of its only thread."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123
        return [int(number) for number in file.read().split()]


# ---------------------------------------------------------------------- huge pages

_COLLAPSE, _ENTRY, _NOT_PRESENT = 25, 8, bytes(range(0x80))


def huge_pages() -> Iterator[int]:
    """Lay this process's memory together in huge pages, one at each step: its forks then copy a table of few.

    What a fork writes to is copied in small pages all the same. Places that are mostly empty stay so, and all do where
    Linux does not offer this (before 6.1).

    Yields
    ------
    int
        The place that was looked at.
    """
    page = resource.getpagesize()
    with suppress(OSError, ValueError), open("/proc/self/pagemap", "rb", buffering=0) as pagemap:  # noqa: PTH123
        with open("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", encoding="utf-8") as file:  # noqa: PTH123
            huge = int(file.read())
        for start, end in _own_areas():
            for place in range(-(-start // huge) * huge, end - huge + 1, huge):
                pagemap.seek(place // page * _ENTRY)
                flags = pagemap.read(huge // page * _ENTRY)[_ENTRY - 1 :: _ENTRY]  # the highest byte of each entry
                if 2 * len(flags.translate(None, delete=_NOT_PRESENT)) > len(flags):
                    _libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(huge), _COLLAPSE)
                yield place


def _own_areas() -> list[tuple[int, int]]:
    """Where the memory lies that is this process's own and no file's."""
    areas = []
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            if rights == "rw-p" and (not name or name[0].strip() == "[heap]"):
                start, _, end = span.partition("-")
                areas.append((int(start, 16), int(end, 16)))
    return areas


# ---------------------------------------------------------------------- Landlock

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_MAKE_DEVICES = (1 << 6) | (1 << 11)  # character and block devices: nobody may make these
READ = _EXECUTE | _READ | _READ_DIR
WRITE = READ | sum(1 << bit for bit in range(1, 16)) & ~_MAKE_DEVICES
DEVICE = _READ | _WRITE | _IOCTL
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL


def landlock_version() -> int:
    """Version of Landlock's interface; raises OSError without it."""
    return _syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1), what="Landlock")


def landlock(rules: Iterable[tuple[str, int]]) -> int:
    """Allow this process and its children these paths, and no TCP, foreign abstract sockets or foreign signals.

    Parameters
    ----------
    rules
        Paths with :data:`READ`, :data:`WRITE` or :data:`DEVICE`. What is not there is passed over.

    Returns
    -------
    int
        Version of the interface: below 4 TCP, and below 6 sockets and signals, are not covered.
    """
    version = landlock_version()
    handled = (1 << 13) - 1
    handled |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0) | (_IOCTL if version >= 5 else 0)
    attributes = struct.pack("QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0), what="Landlock")
    try:
        for path, rights in rules:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                allowed = rights & handled
                if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                    allowed &= _ON_FILES
                rule = struct.pack("=Qi", allowed, descriptor)
                _syscall(_LANDLOCK_ADD, ruleset, 1, rule, ctypes.c_uint32(0), what=f"Landlock rule for {path}")
            finally:
                os.close(descriptor)
        no_new_privileges()
        _syscall(_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0), what="Landlock")
    finally:
        os.close(ruleset)
    return version


def readable_rules(paths: Iterable[str], hidden: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Landlock's rules that let these be read apart from what is hidden inside: a right goes for all below a folder.

    Of a folder in which something is hidden, every entry is let in by itself; the names in it can be listed.
    """
    for path in paths:
        inside = [one for one in hidden if one.startswith(path + "/")]
        if not inside:
            yield path, READ
        elif os.path.isdir(path):  # noqa: PTH112
            yield path, _READ_DIR
            entries = [entry.path for entry in os.scandir(path) if not entry.is_symlink()]
            yield from readable_rules([entry for entry in entries if entry not in inside], inside)


# ---------------------------------------------------------------------- seccomp

# System calls that no notebook needs and that reach beyond its process: (x86-64, aarch64); None: not there.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "vmsplice": (278, 75),
    "syslog": (103, 116),
    "nfsservctl": (180, 42),
    "iopl": (172, None),
    "ioperm": (173, None),
    "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
}
# Memory that no process is seen to hold, and no limit counts; what these are asked for has another way.
_HIDING: dict[str, tuple[int, int]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
}
_PRCTL, _SET_PDEATHSIG, _SET_DUMPABLE = (157 if _MACHINE == "x86_64" else 167), 1, 4
_CLONE, _CLONE3, _SOCKET, _SOCKETPAIR, _IOCTL_CALL = (
    (56, 435, 41, 53, 16) if _MACHINE == "x86_64" else (220, 435, 198, 199, 29)
)
_SETRLIMIT, _PRLIMIT, _SETSID, _SETSOCKOPT = (160, 302, 112, 54) if _MACHINE == "x86_64" else (164, 261, 157, 208)
_ARCHITECTURES = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}
_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW… flag
_AF_UNIX, _SOCK_DGRAM, _TIOCSTI, _TIOCLINUX = 1, 2, 0x5412, 0x541C
_SOL_SOCKET, _SO_SNDBUF = 1, 7
_RLIMIT_CPU, _RLIMIT_RTTIME = 0, 15

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000


def _refuse(number: int) -> int:
    return 0x00050000 | number


def _filter() -> bytes:
    """The program that the kernel runs at each system call: classic BPF, a list of what is refused."""
    program: list[bytes] = []

    def add(code: int, yes: int, no: int, value: int) -> None:
        program.append(struct.pack("=HBBI", code, yes, no, value & 0xFFFFFFFF))

    def argument(index: int) -> int:
        return 16 + 8 * index

    index = 0 if _MACHINE == "x86_64" else 1
    add(_LOAD, 0, 0, 4)
    add(_EQUAL, 1, 0, _ARCHITECTURES[_MACHINE][0])
    add(_RETURN, 0, 0, _KILL)
    add(_LOAD, 0, 0, 0)
    if _MACHINE == "x86_64":  # the x32 interface numbers its calls otherwise
        add(_AT_LEAST, 0, 1, 0x40000000)
        add(_RETURN, 0, 0, _KILL)
    for numbers in _DENIED.values():
        number = numbers[index]
        if number is not None:
            add(_EQUAL, 0, 1, number)
            add(_RETURN, 0, 0, _refuse(errno.EPERM))
    for numbers in _HIDING.values():
        add(_EQUAL, 0, 1, numbers[index])
        add(_RETURN, 0, 0, _refuse(errno.ENOSYS))
    # Not to die with the launcher, or not to be looked at by the watchdog: it is told that it is so, and it is not.
    add(_EQUAL, 0, 5, _PRCTL)
    add(_LOAD, 0, 0, argument(0))
    add(_EQUAL, 1, 0, _SET_PDEATHSIG)
    add(_EQUAL, 0, 1, _SET_DUMPABLE)
    add(_RETURN, 0, 0, _refuse(0))
    add(_LOAD, 0, 0, 0)
    # clone3 hides its flags behind a pointer; without it the C library falls back to clone.
    add(_EQUAL, 0, 1, _CLONE3)
    add(_RETURN, 0, 0, _refuse(errno.ENOSYS))
    add(_EQUAL, 0, 4, _CLONE)
    add(_LOAD, 0, 0, argument(0))
    add(_ANY_BIT, 0, 1, _NEW_NAMESPACES)
    add(_RETURN, 0, 0, _refuse(errno.EPERM))
    add(_LOAD, 0, 0, 0)
    # Sockets are local ones. DataLoader workers need them, and socketpairs; no other family is needed.
    add(_EQUAL, 0, 4, _SOCKET)
    add(_LOAD, 0, 0, argument(0))
    add(_EQUAL, 1, 0, _AF_UNIX)
    add(_RETURN, 0, 0, _refuse(errno.EAFNOSUPPORT))
    add(_LOAD, 0, 0, 0)
    # A pair of datagram sockets could send to any named socket of the system.
    add(_EQUAL, 0, 5, _SOCKETPAIR)
    add(_LOAD, 0, 0, argument(1))
    add(_AND, 0, 0, 0xF)
    add(_EQUAL, 0, 1, _SOCK_DGRAM)
    add(_RETURN, 0, 0, _refuse(errno.EPERM))
    add(_LOAD, 0, 0, 0)
    # Limits at which Linux sends a SIGKILL that nobody could tell from one that came from outside.
    add(_EQUAL, 0, 5, _SETRLIMIT)
    add(_LOAD, 0, 0, argument(0))
    add(_EQUAL, 1, 0, _RLIMIT_CPU)
    add(_EQUAL, 0, 1, _RLIMIT_RTTIME)
    add(_RETURN, 0, 0, _refuse(errno.EPERM))
    add(_LOAD, 0, 0, 0)
    add(_EQUAL, 0, 9, _PRLIMIT)
    add(_LOAD, 0, 0, argument(1))
    add(_EQUAL, 1, 0, _RLIMIT_CPU)
    add(_EQUAL, 0, 5, _RLIMIT_RTTIME)
    add(_LOAD, 0, 0, argument(2))  # a pointer to the new limit; without one it is only asked for
    add(_EQUAL, 0, 2, 0)
    add(_LOAD, 0, 0, argument(2) + 4)
    add(_EQUAL, 1, 0, 0)
    add(_RETURN, 0, 0, _refuse(errno.EPERM))
    add(_LOAD, 0, 0, 0)
    # A session of one's own is a share of the processors of one's own; and a socket's buffer is memory that nobody is
    # seen to hold, so that it keeps its usual size. Both are told that it is so, and it is not.
    add(_EQUAL, 0, 1, _SETSID)
    add(_RETURN, 0, 0, _refuse(0))
    add(_EQUAL, 0, 6, _SETSOCKOPT)
    add(_LOAD, 0, 0, argument(1))
    add(_EQUAL, 0, 3, _SOL_SOCKET)
    add(_LOAD, 0, 0, argument(2))
    add(_EQUAL, 0, 1, _SO_SNDBUF)
    add(_RETURN, 0, 0, _refuse(0))
    add(_LOAD, 0, 0, 0)
    # Typing into the terminal that the grader was started from.
    add(_EQUAL, 0, 5, _IOCTL_CALL)
    add(_LOAD, 0, 0, argument(1))
    add(_EQUAL, 1, 0, _TIOCSTI)
    add(_EQUAL, 0, 1, _TIOCLINUX)
    add(_RETURN, 0, 0, _refuse(errno.EPERM))
    add(_LOAD, 0, 0, 0)
    add(_RETURN, 0, 0, _ALLOW)
    return b"".join(program)


def seccomp() -> None:
    """Refuse the system calls that reach beyond the process, for this process and all that it starts."""
    if _MACHINE not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call numbers for {_MACHINE}")
    program = _filter()
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    no_new_privileges()
    _syscall(_ARCHITECTURES[_MACHINE][1], 1, ctypes.c_uint(1), header, what="seccomp")


# ---------------------------------------------------------------------- namespaces and the view of the file system

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    *(0x20000, 0x2000000, 0x4000000, 0x8000000),
    *(0x10000000, 0x20000000, 0x40000000),
)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _MOVE, _REC, _PRIVATE = 1, 2, 4, 8, 4096, 8192, 16384, 1 << 18
_SMALL_FILE = 300_000
_MOUNT_SETATTR, _AT_RECURSIVE = 442, 0x8000


def enter_namespaces(first: bool = False) -> None:
    """Users, mounts, processes, network, message queues and names of one's own; children are in them.

    Root needs no user namespace, and gains by doing without: its processes are counted by user id.

    Parameters
    ----------
    first
        Whether this is the first process of a PID namespace of its own already.
    """
    flags = _NEWNS | _NEWNET | _NEWIPC | _NEWUTS | (0 if first else _NEWPID)
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        flags |= _NEWUSER
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
                file.write(text)


class PidNamespaces:
    """PID namespaces for the forks of a process that stays in its own; each is the first process of one.

    Raises
    ------
    OSError
        That takes more rights than this process has: an ordinary user may enter such a namespace, and not come back.
    """

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        with self.new():
            pass

    @contextmanager
    def new(self) -> Iterator[None]:
        """What is forked meanwhile is in a new one."""
        _checked(_libc.unshare(ctypes.c_int(_NEWPID)), "unshare")
        try:
            yield
        finally:
            _checked(_libc.setns(ctypes.c_int(self._own), ctypes.c_int(_NEWPID)), "setns")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _set_attributes(path: str, add: int, remove: int = 0, below: bool = True) -> None:
    """Change the restrictions of a mount, and of all mounts below it."""
    _syscall(
        _MOUNT_SETATTR,
        -100,
        path.encode(),
        ctypes.c_uint(_AT_RECURSIVE if below else 0),
        struct.pack("QQQQ", add, remove, 0, 0),
        ctypes.c_size_t(32),
        what=f"mount_setattr {path}",
    )


def _place(root: str, path: str, directory: bool) -> str:
    """Make the mount point of `path` below `root`."""
    target = root + path
    if directory:
        os.makedirs(target, mode=0o755, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_CREAT | os.O_RDONLY, 0o644))
    return target


def build_view(
    root: str,
    readable: Sequence[str],
    hidden: Sequence[str],
    writable: Sequence[str],
    devices: Sequence[str],
    files: dict[str, str],
    shared_memory_mb: int,
    own_proc: bool = True,
) -> None:
    """Make a file system of these paths and nothing else the root of this process.

    To be called in mount and PID namespaces of one's own, by their first process.

    Parameters
    ----------
    root
        An empty folder to build it on.
    readable, writable, devices
        Absolute paths that keep their names; what is not there is passed over, links are made anew.
    hidden
        Folders inside of readable ones that are empty here, but for what is readable by itself.
    files
        Small files of its own: path and text.
    shared_memory_mb
        Sizes of `/dev/shm` and `/tmp`.
    own_proc
        Fail where no `/proc` of its own may be mounted, rather than show the one that is there.
    """
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=16m,mode=755")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{_place(root, '/dev', True)}/{name}")  # noqa: PTH211
    for path, text in files.items():
        with open(_place(root, path, False), "w") as file:  # noqa: PTH123
            file.write(text)
    for path in ("/tmp", "/dev/shm", "/proc"):
        _place(root, path, True)
    options = f"size={shared_memory_mb}m,nr_inodes=20k,mode=1777"  # an empty file takes a kilobyte, too
    _mount("tmpfs", root + "/tmp", "tmpfs", _NOSUID | _NODEV, options)  # now: readable paths may lie in it
    for path in devices:
        _place(root, path, False)
    for path in sorted((*readable, *hidden)):  # what lies deeper comes later, and decides
        _show(root, path) if path in readable else _hide(root, path)
    for path in writable:
        if not os.path.isdir(root + path):  # noqa: PTH112
            _place(root, path, True)
    _set_attributes(root, _RDONLY | _NOSUID | _NODEV)  # of all that is mounted by now, at once
    for path in devices:
        if os.path.exists(path):  # noqa: PTH110
            _mount(path, root + path, None, _BIND)
    _set_attributes(root + "/tmp", 0, remove=_RDONLY, below=False)
    _mount("tmpfs", root + "/dev/shm", "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
    for path in writable:
        _mount(path, root + path, None, _BIND)
        _set_attributes(root + path, _NOSUID | _NODEV)
    try:
        _mount("proc", root + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except OSError:
        if own_proc:
            raise
        _mount("/proc", root + "/proc", None, _BIND | _REC)
    # Not pivot_root: to unmount the old root takes longer than all else together. It is covered by the new one,
    # and to get out of a changed root takes a capability that nobody has in here.
    os.chdir(root)
    _mount(".", "/", None, _MOVE)
    os.chroot(".")
    os.chdir("/")


def _show(root: str, path: str) -> None:
    """Let a path be seen: links are made anew, small files copied, which is quicker, and all else is mounted."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    if stat.S_ISLNK(status.st_mode):
        if not os.path.lexists(root + path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)  # noqa: PTH103, PTH120
            os.symlink(os.readlink(path), root + path)  # noqa: PTH115, PTH211
        return
    target = _place(root, path, stat.S_ISDIR(status.st_mode))
    if stat.S_ISREG(status.st_mode) and status.st_size < _SMALL_FILE:
        with open(path, "rb") as source, open(target, "wb") as copy:  # noqa: PTH123
            copy.write(source.read(_SMALL_FILE))
    else:
        _mount(path, target, None, _BIND | _REC)


def _hide(root: str, path: str) -> None:
    """Cover a folder with an empty one."""
    if os.path.isdir(root + path):  # noqa: PTH112
        _mount("tmpfs", root + path, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")


# ---------------------------------------------------------------------- rights and limits


def become(user: int, group: int) -> None:
    """Give up root for a user id that nobody else has."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    for capability in range(64):
        if _libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0) < 0:  # PR_CAPBSET_DROP; the list ends here
            break
    _libc.prctl(47, ctypes.c_ulong(4), 0, 0, 0)  # PR_CAP_AMBIENT_CLEAR_ALL
    header, data = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _checked(_libc.capset(header, data), "capset")


def limit(name: str, value: int) -> None:
    """Lower a resource limit of this process and all that it starts; never raise one."""
    which = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
