"""Files changed at random are read or rejected; `tests.datasets.fuzz_loaders` tries more of them."""

from tests.datasets.fuzz_loaders import LOADERS, SAVED, fuzz


def test_files_changed_at_random_are_read_or_refused_and_do_no_harm():
    faults, outcomes = fuzz(500, seed=0)
    assert faults == []
    assert {kind for kind, outcome in outcomes if outcome == "refused"} == {*LOADERS}
    assert {kind for kind, outcome in outcomes if outcome == "loaded"} >= {*SAVED}
