"""The options of `fastnn train` in groups, and the names of the library's parameters for them."""

from dataclasses import fields
from inspect import signature
from typing import Any, get_type_hints

import pytest

import fastnn
from fastnn.cli.groups import Design, Options, Source, Stopping, Training
from fastnn.cli.learners import ESTIMATOR_NAMES, NETWORK_NAMES
from fastnn.cli.train import train
from fastnn.cli.train_options import with_options
from fastnn.training.options import FitOptions


def names(group: type) -> list[str]:
    return [field.name for field in fields(group)]


def test_every_option_belongs_to_exactly_one_group():
    grouped = [name for group in get_type_hints(Options).values() for name in names(group)]
    assert sorted(grouped) == sorted(parameter.name for parameter in train.params)


def test_a_group_is_filled_by_the_names_of_its_fields():
    options: dict[str, Any] = dict.fromkeys(names(Source)) | {"data": "moons", "task": "auto", "hidden": (8,)}
    assert Source.of(options) == Source(data="moons", drop=None)
    with pytest.raises(KeyError, match="task"):
        Source.of({"data": "moons", "data_dir": None, "target": None})


def test_a_field_is_passed_on_under_the_name_it_has_for_whoever_takes_it():
    stopping = Stopping(patience=3)
    expected = {"early_stopping": None, "n_iter_no_change": 3, "validation_fraction": None}
    assert stopping.keywords({"patience": "n_iter_no_change"}) == expected


@pytest.mark.parametrize(
    ("taker", "groups", "other_names"),
    [
        (fastnn.Network, [Design], NETWORK_NAMES),
        (FitOptions, [Training], {}),
        (fastnn.MLPClassifier, [Design, Training], ESTIMATOR_NAMES),
        (fastnn.MLPRegressor, [Design, Training], ESTIMATOR_NAMES),
    ],
)
def test_groups_are_keyword_arguments_of_networks_and_estimators(taker, groups, other_names):
    given = {other_names.get(name, name) for group in groups for name in names(group)}
    assert given <= set(signature(taker).parameters)
    assert set(other_names) <= {name for group in groups for name in names(group)}


def test_options_are_listed_in_the_order_of_their_groups():
    def noted(name):
        return lambda command: [name, *command]

    assert with_options([noted("a"), noted("b")], [noted("c")])([]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("is_file", "given", "expected"),
    [
        (False, {}, (False, None, None)),
        (False, {"validation_fraction": 0.2}, (False, None, 0.2)),
        (False, {"patience": 3}, (True, 3, 0.1)),
        (False, {"early_stopping": True}, (True, 10, 0.1)),
        (True, {}, (None, 10, 0.1)),
        (True, {"validation_fraction": 0.2}, (True, 10, 0.2)),
        (True, {"early_stopping": False}, (False, None, None)),
        (True, {"early_stopping": False, "validation_fraction": 0.2}, (False, None, 0.2)),
    ],
)
def test_early_stopping_is_completed_with_defaults(is_file, given, expected):
    stopping = Stopping(**given).completed(is_file)
    assert (stopping.early_stopping, stopping.patience, stopping.validation_fraction) == expected
