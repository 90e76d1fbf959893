"""How many processors a process may use, and how many threads a network takes of them."""

import os

import pytest

import fastnn
from fastnn.threads import available_cpus, team_size


def files(root, contents):
    """A root folder with files of these contents."""
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu,cpuacct"
OWN_V2 = {"proc/self/cgroup": "0::/app.slice/job\n"}
OWN_V1 = {"proc/self/cgroup": "5:memory:/elsewhere\n4:cpu,cpuacct:/app/job\n1:name=systemd:/x\n"}

CONTROL_GROUPS = {
    "no files": ({}, None),
    "no limit": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "max 100000\n"}, None),
    "two": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "200000 100000\n"}, 2),
    "one and a half": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "150000 100000\n"}, 2),
    "a tenth": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "10000 100000\n"}, 1),
    "in a parent": (OWN_V2 | {f"{V2}/app.slice/cpu.max": "300000 100000\n"}, 3),
    "the tightest": (
        OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "500000 100000", f"{V2}/app.slice/cpu.max": "300000 100000"},
        3,
    ),
    "of another group": (OWN_V2 | {f"{V2}/other.slice/cpu.max": "100000 100000"}, None),
    "a container's topmost": ({"proc/self/cgroup": "0::/docker/0123\n", f"{V2}/cpu.max": "400000 100000"}, 4),
    "outside of the namespace": ({"proc/self/cgroup": "0::/../../job\n", f"{V2}/cpu.max": "400000 100000"}, 4),
    "beside version 1": (
        {"proc/self/cgroup": "3:cpuset:/\n0::/job\n", f"{V2}/unified/job/cpu.max": "400000 100000"},
        4,
    ),
    "version 1": (
        OWN_V1 | {f"{V1}/app/job/cpu.cfs_quota_us": "250000\n", f"{V1}/app/job/cpu.cfs_period_us": "100000\n"},
        3,
    ),
    "version 1, by its short name": (
        OWN_V1 | {f"{V2}/cpu/app/cpu.cfs_quota_us": "50000", f"{V2}/cpu/app/cpu.cfs_period_us": "25000"},
        2,
    ),
    "version 1, no limit": (
        OWN_V1 | {f"{V1}/app/job/cpu.cfs_quota_us": "-1\n", f"{V1}/app/job/cpu.cfs_period_us": "100000\n"},
        None,
    ),
    "version 1, of memory": (
        OWN_V1 | {f"{V2}/memory/elsewhere/cpu.cfs_quota_us": "1", f"{V2}/memory/elsewhere/cpu.cfs_period_us": "1"},
        None,
    ),
    "half a file": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "100000"}, None),
    "nonsense": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": b"\xff\x00 1 2 three"}, None),
    "a period of 0": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max": "100000 0"}, None),
    "nonsense for groups": ({"proc/self/cgroup": b"\xff:\x00\n::\n0\n\n0::/\x00\n"}, None),
    "a folder for a file": (OWN_V2 | {f"{V2}/app.slice/job/cpu.max/file": ""}, None),
}


@pytest.mark.parametrize(("contents", "expected"), CONTROL_GROUPS.values(), ids=CONTROL_GROUPS)
def test_control_groups_limit_the_processors(contents, expected, tmp_path):
    limit = fastnn.threads._control_group_limit(files(tmp_path, contents))
    assert limit == (fastnn.threads._NO_LIMIT if expected is None else expected)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("3", 3),
        (" 4 ", 4),
        ("2,8", 2),
        ("", None),
        ("0", None),
        ("-1", None),
        ("many", None),
        ("1.5", None),
        (",", None),
    ],
)
def test_the_environment_limits_the_threads(setting, expected):
    limit = fastnn.threads._environment_limit(setting)
    assert limit == (fastnn.threads._NO_LIMIT if expected is None else expected)


@pytest.fixture
def limits(monkeypatch):
    """Set the limits of the affinity mask, the control group and the environment."""

    def set_limits(affinity, control_group, environment):
        monkeypatch.undo()
        for name, limit in (("_processors", affinity), ("_granted", control_group), ("_wished", environment)):
            monkeypatch.setattr(fastnn.threads, name, lambda limit=limit: limit)

    return set_limits


@pytest.mark.parametrize(
    ("affinity", "control_group", "environment", "n_threads", "expected"),
    [
        (8, 64, 64, None, 8),
        (8, 4, 64, None, 4),
        (8, 4, 2, None, 2),
        (8, 4, 2, 3, 3),  # a number that is asked for counts more than the environment,
        (8, 4, 2, 6, 4),  # but makes no processors
        (1, 1, 64, None, 1),
    ],
)
def test_a_team_has_as_many_threads_as_all_limits_allow(
    affinity, control_group, environment, n_threads, expected, limits
):
    limits(affinity, control_group, environment)
    assert available_cpus() == min(affinity, control_group)
    assert team_size(n_threads) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")
def test_a_change_of_the_affinity_mask_counts_at_once():
    mask = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mask)})
        assert available_cpus() == 1
    finally:
        os.sched_setaffinity(0, mask)
    assert available_cpus() <= len(mask)
