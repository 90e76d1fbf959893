"""Temporary files that killed processes leave behind."""

import os
import signal
import subprocess
import sys

import pytest

import fastnn
from fastnn.archives import write_atomically
from fastnn.training.checkpoints import Checkpoint
from tests.datasets.hostile import fit, new_network


def leftovers(folder):
    return sorted(folder.glob(".fastnn-*"))


def leave_behind(path):
    """Write a file like a process that is killed while writing."""
    program = f"""
import os, signal
from pathlib import Path
from fastnn.archives import write_atomically
write_atomically(Path({str(path)!r}), lambda file: os.kill(os.getpid(), signal.SIGKILL))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="signals and locks are POSIX's")
def test_temporary_files_that_kills_left_are_removed_but_not_those_of_others(tmp_path):
    path, other = tmp_path / "checkpoint", tmp_path / "other"
    leave_behind(path)
    leave_behind(other)
    assert len(leftovers(tmp_path)) == 2
    fit(new_network(), callbacks=Checkpoint(path))
    assert len(leftovers(tmp_path)) == 1
    fastnn.save(new_network(), other)
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_a_temporary_file_that_is_being_written_stays(tmp_path):
    path, network = tmp_path / "checkpoint", new_network()

    def write(file):
        file.write(b"whole")
        fit(network, callbacks=Checkpoint(path))
        fastnn.save(network, path)
        assert [str(each) for each in leftovers(tmp_path)] == [file.name]

    write_atomically(path, write)
    assert path.read_bytes() == b"whole"
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
def test_processes_that_write_the_same_checkpoint_do_not_disturb_each_other(tmp_path):
    program = """
import sys, fastnn
network = fastnn.Network([3, 4, 2], backend="numpy", seed=0)
for _ in range(60):
    fastnn.save(network, sys.argv[1])
"""
    arguments = [sys.executable, "-c", program, str(tmp_path / "model")]
    processes = [subprocess.Popen(arguments, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 3
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
