"""Several encoders that look at the same rows make of them, to the last bit, what each makes alone."""

from __future__ import annotations

from threading import get_ident

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from workbench.estimators.dense import DenseEncoder
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.ensemble import Bag, Ensemble, FoldModel
from workbench.estimators.look import Look
from workbench.estimators.prepared import PreparedEncoder

KINDS = {
    "size": "number",
    "paid": "boolean",
    "since": "date",
    "until": "calendar",
    "colour": "category",
    "town": "category",
    "note": "text",
}


def rows(count: int, seed: int, *, strange: bool = False) -> pd.DataFrame:
    """Coerced rows of every kind with gaps; strange ones have values, levels and words of their own."""
    random = np.random.default_rng(seed)
    towns = [f"{random.choice(['New', 'Old'])} Town {place}" for place in random.integers(0, 60, count)]
    words = ["pays", "late", "happy", "never", "came", "back", *(["unheard", "of", "É"] if strange else [])]
    days = pd.Timestamp("2021-03-01") + pd.to_timedelta(random.integers(0, 10_000, count), unit="h")
    frame = pd.DataFrame(
        {
            "size": np.where(random.random(count) < 0.02, np.inf, random.normal(10, 3, count)),
            "paid": random.integers(0, 2, count).astype(float),
            "since": days,
            "until": days + pd.to_timedelta(random.integers(0, 99, count), unit="D"),
            "colour": random.choice(["red", "green", "blue", *(["violet"] if strange else [])], count),
            "town": [f"{town} upon Sea" if strange and place % 3 else town for place, town in enumerate(towns)],
            "note": [" ".join(random.choice(words, 5)) for _ in range(count)],
        }
    )
    for place, (name, kind) in enumerate(KINDS.items()):
        if kind in ("category", "text"):
            frame[name] = frame[name].astype(object)
        gaps = np.arange(count) % 11 == place
        frame[name] = frame[name].mask(gaps) if kind not in ("category", "text") else frame[name].where(~gaps, None)
    return frame


def fold(make, number: int, classes: int):
    known = rows(150, number)
    random = np.random.default_rng(number)
    target = random.integers(0, classes, len(known)) if classes else random.normal(size=len(known))
    encoder = make(classes)
    encoder.fit_transform(known, target)
    return encoder


STYLES = {
    "trees": lambda classes: TableEncoder(KINDS, "trees", classes),
    "linear": lambda classes: TableEncoder(KINDS, "linear", classes),
    "dense": lambda classes: DenseEncoder(KINDS, classes),
    "prepared": lambda classes: PreparedEncoder(KINDS, classes, crosses=True),
}


@pytest.fixture(scope="module", params=[0, 3], ids=["a number", "three classes"])
def encoders(request):
    """Two folds of each style, in turns."""
    return [fold(make, number, request.param) for number in (1, 2) for make in STYLES.values()]


def plain(matrix) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else matrix


@pytest.mark.parametrize("count", [1, 2, 90])
def test_what_is_remembered_changes_no_bit(encoders, count):
    frame = rows(90, 7, strange=True).iloc[:count]
    before, look = frame.copy(deep=True), Look(frame)
    for encoder in [*encoders, *reversed(encoders)]:
        alone, among = encoder.transform(frame), encoder.transform(look)
        assert type(alone) is type(among)
        assert np.array_equal(plain(alone), plain(among), equal_nan=True)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("some", [1, 3])
def test_few_rows_get_what_they_get_among_many(encoders, some):
    frame = rows(90, 7, strange=True)
    for encoder in encoders:
        together = encoder.transform(frame)
        among = plain(together)
        for first in range(0, len(frame), some):
            part = frame.iloc[first : first + some]
            columns = {name: part[name].to_numpy() for name in part}
            for alone in (encoder.transform(part), encoder.transform(Look(columns))):
                assert sparse.issparse(alone) == sparse.issparse(together)
                assert plain(alone).dtype == among.dtype
                assert np.array_equal(plain(alone), among[first : first + some], equal_nan=True)


def test_encoders_of_other_folds_differ(encoders):
    """Or the test above would prove nothing."""
    frame = rows(90, 7, strange=True)
    one, other = plain(encoders[0].transform(frame)), plain(encoders[4].transform(frame))
    assert one.shape != other.shape or not np.array_equal(one, other, equal_nan=True)


def test_something_is_found_out_once():
    look, asked = Look(rows(5, 1)), []
    for _ in range(2):
        assert look.only(["size"]).once("key", lambda: asked.append(1) or "found") == "found"
    assert asked == [1]


class Counting:
    """An encoder that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def transform(self, look: Look) -> np.ndarray:
        self.asked += 1
        return look.only(["paid"]).numbers()


class Doubling:
    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.nan_to_num(matrix[:, 0]) * 2


def test_models_that_share_an_encoder_share_its_matrix():
    one, other, frame = Counting(), Counting(), rows(5, 1)
    bags = [Bag([FoldModel(one, Doubling()), FoldModel(other, Doubling())]), Bag([FoldModel(one, Doubling())])]
    said = Ensemble(bags, [0.25, 0.75]).predict(frame)
    assert (one.asked, other.asked) == (1, 1)
    assert said.tolist() == (frame["paid"].fillna(0) * 2).tolist()


def test_folds_side_by_side_say_the_same_to_the_last_bit(monkeypatch):
    frame = rows(300, 7, strange=True)
    models = [FoldModel(fold(make, number, 0), Doubling()) for make in list(STYLES.values())[::3] for number in (1, 2)]
    ensemble = Ensemble([Bag(models[:2]), Bag(models[2:]), Bag(models)], [0.2, 0.3, 0.5])
    alone = ensemble.predict(frame)
    monkeypatch.setattr("workbench.estimators.ensemble.MANY_ROWS", 100)
    threads = set()

    def watched(self, matrix):
        threads.add(get_ident())
        return np.nan_to_num(matrix[:, 0]) * 2

    monkeypatch.setattr(Doubling, "predict", watched)
    assert np.array_equal(ensemble.predict(frame), alone)
    assert get_ident() not in threads
