"""Interleaved timing of fastnn and its reference on a call, on the processors of this process."""

from typing import Any

from benchmarks.harness.turns import exactly, medians, take_turns
from benchmarks.workloads.call import Call, of_each
from benchmarks.workloads.libraries import SUBJECT
from fastnn.threads import available_cpus


def measure(call: Call, n_turns: int) -> dict[str, Any]:
    """Check that both learn the same, which also compiles the kernels, then time them interleaved; returns medians."""
    deviations = call.check()
    n_turns = min(n_turns, call.most_turns or n_turns)
    seconds = take_turns(of_each(call.prepare, (call.reference, SUBJECT)), exactly(n_turns))
    return {
        **described(call),
        "turns": n_turns,
        "seconds": medians(seconds),
        "fastest_seconds": {name: min(measured) for name, measured in seconds.items()},
        "deviations": deviations,
        "pickled": call.pickled(),
        "memory": call.memory(),
    }


def described(call: Call) -> dict[str, Any]:
    """The call and its requirements, as saved with the times."""
    data = call.data()
    return {
        "name": call.name,
        "estimator": call.class_name,
        "work": call.work,
        "data": data.source,
        "shape": list(data.X.shape),
        "dtype": str(data.X.dtype),
        "reference": call.reference,
        "floor": call.floor(available_cpus()),
        "most_seconds": call.most_seconds,
        "most_memory": getattr(call, "most_memory", None),
    }
