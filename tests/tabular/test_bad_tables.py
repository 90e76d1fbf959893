"""What cannot be encoded is refused with a sentence that says what and where."""

import re

import numpy as np
import pytest

from fastnn.tabular import TableEncoder
from tests.tabular.bad_tables import BAD_TO_FIT, BAD_TO_TRANSFORM, BadTable, good


def message_of(case: BadTable) -> str:
    """The message that a case raises."""
    encoder = TableEncoder(**case.options)
    if case.trained_on is not None:
        encoder.fit(case.trained_on())
    with pytest.raises(case.error) as caught:
        (encoder.fit if case.trained_on is None else encoder.transform)(case.X())
    assert type(caught.value) is case.error
    return str(caught.value)


@pytest.mark.parametrize("case", [*BAD_TO_FIT, *BAD_TO_TRANSFORM], ids=lambda case: case.name)
def test_refusals_are_sentences_that_name_the_column_or_argument(case):
    message = message_of(case)
    assert re.match(r"[A-Z]|categorical_features |max_one_hot ", message)
    assert re.search(r"[.?]$", message)
    assert "\n" not in message
    assert len(message) < 400
    assert not [part for part in case.mentions if part not in message], message


def test_a_refused_table_leaves_the_encoder_as_it_was():
    encoder = TableEncoder().fit(good())
    encoded = encoder.transform(good())
    with pytest.raises(ValueError, match="dates"):
        encoder.fit(good(age=np.full(3, "2024-02-29", "M8[ns]")))
    np.testing.assert_array_equal(encoder.transform(good()), encoded)


def test_long_cells_are_quoted_in_part():
    with pytest.raises(ValueError, match=r"'xxx.*\.\.\.") as caught:
        TableEncoder(categorical_features=None).fit(good(city=["x" * 10_000] * 3))
    assert len(str(caught.value)) < 300


def test_many_columns_are_named_in_part():
    encoder = TableEncoder().fit(good(**{f"x{i}": [1, 2, 3] for i in range(1000)}))
    with pytest.raises(ValueError, match="and 990 more") as caught:
        encoder.transform(good())
    assert len(str(caught.value)) < 400
