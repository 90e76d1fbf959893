"""Files changed at random are read or rejected; `tests.datasets.fuzz_loaders` tries more of them."""

from tests.datasets.fuzz_loaders import fuzz


def test_files_changed_at_random_are_read_or_refused_and_do_no_harm():
    assert fuzz(300, seed=0) == []
