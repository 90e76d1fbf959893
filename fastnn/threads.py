"""How many processors this process may use, and how many the matrix products take."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def available_cpus() -> int:
    """Processors that this process may run on: its affinity mask where the system has one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def matrix_threads(n_threads: int | None) -> Iterator[None]:
    """Within it, NumPy's matrix products use at most `n_threads` threads; None leaves them as they are.

    The limit is the whole process's: two threads that set it at once may see each other's.
    """
    if n_threads is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=n_threads, user_api="blas"):
        yield
