"""The number of processors available to this process, and of threads for networks and for NumPy's matrix products."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

_NO_LIMIT = sys.maxsize

#: Set during a call with its own `n_threads`. It belongs to the context and not to the network, because two Python threads
#: may call one network with different numbers.
_call_threads: ContextVar[int | None] = ContextVar("_call_threads", default=None)


def available_cpus() -> int:
    """Processors available to this process.

    The smaller of two numbers, and at least 1:

    - the processors in its affinity mask (`taskset`, Slurm, `docker --cpuset-cpus`), queried on every call;
    - the CPU quota of its control group and of those above it, in processors, rounded up (`docker --cpus`, Kubernetes,
      systemd's ``CPUQuota``), which is read once per process.

    Returns
    -------
    int
        A positive number. Missing or malformed files impose no limit.
    """
    return min(_processors(), _granted())


def team_size(n_threads: int | None) -> int:
    """Number of threads a network uses, never more than there are processors: further threads would only wait.

    The number given to the current call, else `n_threads`, else the environment variable ``OMP_NUM_THREADS``, else one per
    processor. joblib sets that variable in its worker processes to their share of the machine, or to
    ``inner_max_num_threads``, so networks trained in parallel do not oversubscribe the processors. As in OpenMP, it is
    read once per process.
    """
    wanted = _call_threads.get() or n_threads or _wished()
    return 1 if wanted == 1 else min(wanted, available_cpus())


if hasattr(os, "sched_getaffinity"):

    def _processors() -> int:
        return len(os.sched_getaffinity(0))
else:

    def _processors() -> int:
        return os.cpu_count() or 1


@cache
def _granted() -> int:
    return _control_group_limit(Path("/"))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_granted.cache_clear)  # a child may be moved to another control group


@cache
def _wished() -> int:
    return _environment_limit(os.environ.get("OMP_NUM_THREADS", ""))


def _environment_limit(setting: str) -> int:
    """Threads from the value of ``OMP_NUM_THREADS``: a number, or one per nesting level, the outermost first."""
    with suppress(ValueError):
        n_threads = int(setting.split(",", maxsplit=1)[0])
        if n_threads > 0:
            return n_threads
    return _NO_LIMIT


def _control_group_limit(root: Path) -> int:
    """Processors under the tightest limit of the process's control groups and their ancestors; `root` is "/"."""
    return min((_group_limit(group) for group in _control_groups(root)), default=_NO_LIMIT)


def _control_groups(root: Path) -> Iterator[Path]:
    """Folders of the groups that may limit CPU time: the process's own group and its ancestors.

    In a container, the own group may be mounted as the root folder while the path is the one on the host: then the folders
    on that path do not exist, and the root has the limit.
    """
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, controllers_and_path = line.partition(":")
        controllers, _, path = controllers_and_path.partition(":")
        if not controllers:  # version 2, alone or together with version 1
            hierarchies = [mount, mount / "unified"]
        elif "cpu" in controllers.split(","):
            hierarchies = [mount / controllers, mount / "cpu"]
        else:
            continue
        for hierarchy in hierarchies:
            group = hierarchy / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(hierarchy))


def _group_limit(group: Path) -> int:
    """CPU quota over period, rounded up: version 2 has both in ``cpu.max``, version 1 in two files."""
    setting = _text(group / "cpu.max") or f"{_text(group / 'cpu.cfs_quota_us')} {_text(group / 'cpu.cfs_period_us')}"
    with suppress(ValueError):  # "max 100000", or no such files
        quota, period = map(int, setting.split())
        if quota > 0 and period > 0:  # a quota of -1 means no limit
            return -(-quota // period)
    return _NO_LIMIT


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (OSError, ValueError):  # a path with a null byte is a ValueError
        return ""


def call_threads() -> int | None:
    """The number of threads given to the current call, or None."""
    return _call_threads.get()


def threads_of_call(n_threads: int | None) -> AbstractContextManager[None]:
    """Context manager: in this Python thread, networks use `n_threads` threads; None changes nothing."""
    return nullcontext() if n_threads is None else _with_call_threads(n_threads)


@contextmanager
def _with_call_threads(n_threads: int) -> Iterator[None]:
    token = _call_threads.set(n_threads)
    try:
        yield
    finally:
        _call_threads.reset(token)


class _MatrixThreads:
    """All limits in force, and the libraries' original number of threads, restored after the last one ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.limits: list[int] = []
        self.controller: Any = None
        self.original: Any = None

    def enter(self, n_threads: int) -> None:
        from threadpoolctl import ThreadpoolController

        with self.lock:
            if not self.limits:
                self.controller = ThreadpoolController()
                self.original = self.controller.limit(user_api="blas")
            self.limits.append(n_threads)
            self._apply()

    def leave(self, n_threads: int) -> None:
        with self.lock:
            self.limits.remove(n_threads)
            if self.limits:
                self._apply()
            else:
                self.original.restore_original_limits()

    def _apply(self) -> None:
        self.controller.limit(limits=min(self.limits), user_api="blas")


_matrix_threads = _MatrixThreads()


def matrix_threads(n_threads: int | None) -> AbstractContextManager[None]:
    """Context manager: NumPy's matrix products use at most `n_threads` threads; None changes nothing.

    The limit applies to the whole process: if several Python threads set one, the smallest applies.
    """
    return nullcontext() if n_threads is None else _with_matrix_threads(n_threads)


@contextmanager
def _with_matrix_threads(n_threads: int) -> Iterator[None]:
    _matrix_threads.enter(n_threads)
    try:
        yield
    finally:
        _matrix_threads.leave(n_threads)
