"""The sweep over widths, batch sizes and processors."""

import pytest

from benchmarks import scaling
from benchmarks.harness.processors import CAN_PIN
from benchmarks.peers.libraries import SUBJECT


@pytest.mark.parametrize("width", [8, 2048])
@pytest.mark.parametrize("batch_size", [1, 128, 4096])
def test_a_point_has_whole_batches(width, batch_size):
    workload = scaling.point_workload(width, batch_size)
    assert workload.layer_sizes == (784, width, width, 10)
    assert workload.n_samples % batch_size == 0
    assert 2 * batch_size <= workload.n_samples <= max(scaling.MOST_SAMPLES, 2 * batch_size)


def test_processors_are_doubled_up_to_all():
    assert scaling.processor_counts(1) == [1]
    if CAN_PIN:
        assert scaling.processor_counts(6) == [1, 2, 4, 6]
        assert scaling.processor_counts(8) == [1, 2, 4, 8]


def test_widths_and_batches_are_swept_on_one_processor_and_on_all(monkeypatch):
    monkeypatch.setattr(scaling, "available_cpus", lambda: 4)
    assert scaling.sweep(2) == [scaling.CENTRE]
    assert scaling.sweep(1) == scaling.sweep(4)
    assert {width for width, _ in scaling.sweep(1)} == {*scaling.WIDTHS, scaling.CENTRE[0]}
    assert {batch_size for _, batch_size in scaling.sweep(1)} == {*scaling.BATCH_SIZES, scaling.CENTRE[1]}


def scaling_points():
    return [
        {"processors": n, "width": width, "batch_size": 128, "peak_gflops": 100.0 * n, "gflops": {SUBJECT: 50.0 * n}}
        for n in (1, 2)
        for width in (512, 8)
    ]


def test_points_along_an_axis_are_in_order():
    points = scaling.along(scaling_points(), "width", batch_size=128, processors=2)
    assert [(point["width"], point["processors"]) for point in points] == [(8, 2), (512, 2)]


def test_scaling_is_told_as_a_table():
    lines = scaling.markdown(scaling_points()).splitlines()
    assert lines[2] == "| 512 | 128 | 1 | 50.0 | 100 |"
    assert {line.count("|") for line in lines} == {6}


def test_scaling_is_drawn(tmp_path):
    scaling.plot(scaling_points(), tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
