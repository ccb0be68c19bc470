"""Numbers told by how far they have come through the pieces of their range."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as some

from workbench.estimators.encoder import TableEncoder
from workbench.estimators.numbers import PiecewiseLinear


class TestPieces:
    def test_a_number_has_come_so_far_through_each_piece(self):
        pieces = PiecewiseLinear(2).fit(np.array([[0.0], [1.0], [2.0], [4.0], [6.0]]))
        told = pieces.transform(np.array([[-5.0], [1.0], [2.0], [5.0], [99.0]]))
        assert told.tolist() == [[0, 0], [0.5, 0], [1, 0], [1, 0.75], [1, 1]]

    def test_a_gap_stands_at_the_median(self):
        pieces = PiecewiseLinear(3).fit(np.array([[0.0], [1.0], [5.0], [6.0], [np.nan]]))
        assert np.array_equal(pieces.transform(np.array([[np.nan]])), pieces.transform(np.array([[3.0]])))

    def test_columns_of_two_values_or_one_or_none_have_no_pieces(self):
        matrix = np.array([[0.0, 1.0, np.nan, 1.0], [1.0, 1.0, np.nan, 2.0], [1.0, 1.0, np.nan, 3.0]])
        pieces = PiecewiseLinear(4).fit(matrix)
        assert pieces.transform(matrix).shape[1] == 2
        assert pieces.transform(matrix).tolist() == [[0, 0], [1, 0], [1, 1]]

    @given(some.lists(some.floats(), min_size=1, max_size=30), some.floats(), some.integers(3, 8))
    def test_pieces_lie_between_0_and_1_and_never_fall_as_the_number_grows(self, known, new, count):
        pieces = PiecewiseLinear(count).fit(np.array(known)[:, None])
        told = pieces.transform(np.array([[new], [np.inf]]))
        assert told.shape == (2, len(pieces.starts_))
        assert ((told >= 0) & (told <= 1)).all()
        assert np.isnan(new) or (told[0] <= told[1]).all()


def test_a_linear_model_gets_pieces_of_numbers_where_there_are_rows_to_learn_them():
    frame = pd.DataFrame({"n": np.random.default_rng(0).normal(size=300)})
    y = np.arange(300) % 2
    assert TableEncoder({"n": "number"}, "linear", 2).fit_transform(frame, y).shape[1] == 13
    assert TableEncoder({"n": "number"}, "linear", 2).fit_transform(frame.head(14), y[:14]).shape[1] == 1
    assert TableEncoder({"n": "number"}, "trees", 2).fit_transform(frame, y).shape[1] == 1
