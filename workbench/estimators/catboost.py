"""Gradient-boosted trees by CatBoost, kept in its own binary form."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from catboost import CatBoost, FeaturesData, Pool

from .forest import among_all_classes
from .rounds import Boosted, Clock, Held

Array = npt.NDArray[Any]
THREADS_FROM = 5_000  # rows; to gather threads takes longer than to predict fewer
# CatBoost takes the levels of a table faster than names, and lets no other thread go on meanwhile; to make such a table
# takes longer than fewer rows do.
TABLE_FROM = 2_000
SYMMETRIC = "SymmetricTree"
# What CatBoost would choose by the number of rounds, so that no fit could be made again with those it came to.
ALWAYS_NAMED = {"leaf_estimation_iterations": 1, "max_ctr_complexity": 4}
NEEDED = ("params", "class_params")  # of what CatBoost notes in a model; the rest is dates, random names and history


class CategoricalBoostedTrees(Boosted):
    """Boosted trees by CatBoost, which learn from categories themselves, by target statistics of rows that came before.

    The method is that of Prokhorenkova and others (2018), arXiv 1706.09516. A missing code is a level like any other;
    of a level never seen in training nothing is known but the average. Where there is nothing to learn from, because
    the target or every column is the same in all rows, the average is predicted. `settings` are CatBoost's own
    parameters (loss_function, depth, …).
    """

    def _boost(
        self, rows: Held, valid: Held | None, categorical: list[int], out_of_time: Clock | None, shared: dict[str, Any]
    ) -> None:
        matrix, target, weight = rows
        self.categorical_ = categorical
        self.known_ = np.unique(target).astype(np.int64) if self.classes else np.empty(0, dtype=np.int64)
        self.average_ = self._average(target, weight)
        self.rounds_, self.boosted_, self.cut_ = 1, 1, False
        self._model: CatBoost | None = None
        if (target != target[0]).any() and _varies(matrix):
            if "pools" not in shared:
                shared["pools"] = self._pools(rows, valid)
            train, held = shared["pools"]
            self._make_rounds(train, held, out_of_time)

    def _make_rounds(self, train: Pool, held: Pool | None, out_of_time: Clock | None) -> None:
        settings = {
            **ALWAYS_NAMED,
            **self.settings,
            "iterations": self.rounds,
            "eval_metric": f"{self.settings['loss_function']}:hints=skip_train~true",
            "use_best_model": False,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        watch = _Watch(self.patience, out_of_time, stops=held is not None)
        model = CatBoost(settings)
        model.fit(train, eval_set=held, callbacks=[watch] if held is not None or out_of_time is not None else None)
        self.boosted_ = int(model.tree_count_)
        self.rounds_ = max(1, self.boosted_ if held is None else min(watch.best, self.boosted_))
        self.cut_ = watch.cut
        self._model = _without_notes(model)

    def _pools(self, rows: Held, valid: Held | None) -> tuple[Pool, Pool | None]:
        matrix, target, weight = rows
        train = Pool(self._features(matrix), self._label(target), weight=weight)
        if valid is None:
            return train, None
        beside, truth, heavy = valid
        told = np.isin(truth, self.known_) if self.classes else np.full(len(truth), fill_value=True)
        if not told.any():
            return train, None
        return train, Pool(
            self._features(beside[told]), self._label(truth[told]), weight=None if heavy is None else heavy[told]
        )

    def _label(self, target: Array) -> Array:
        """Give the classes that there are numbers without gaps: CatBoost warns on the console of those without rows."""
        return np.searchsorted(self.known_, target) if self.classes else target

    def _features(self, matrix: Array) -> FeaturesData:
        """Split into numbers, in the precision CatBoost computes in, and levels by the name of their code."""
        names = None
        if self.categorical_:
            codes = _whole(matrix[:, self.categorical_])
            names = _as_bytes(_enough(codes))[codes]
        # Column by column, as CatBoost takes numbers as they lie; row by row up to a hundred rows take twice as long.
        amounts = self._amounts(matrix).astype(np.float32, order="F")
        return FeaturesData(num_feature_data=amounts if amounts.shape[1] else None, cat_feature_data=names)

    def _amounts(self, matrix: Array) -> Array:
        told = np.full(matrix.shape[1], fill_value=True)
        told[self.categorical_] = False
        return matrix[:, told]

    def _table(self, matrix: Array) -> pd.DataFrame:
        """Give the same, in the same order, as a table."""
        amounts = self._amounts(matrix).astype(np.float32, order="F")
        levels = [_named(codes) for codes in _whole(matrix[:, self.categorical_]).astype(np.int32, order="F").T]
        return pd.DataFrame(dict(enumerate([*amounts.T, *levels])), copy=False)

    def _average(self, target: Array, weight: Array | None) -> Array:
        """Give each class's share, shape (n_classes,), or the mean, shape ()."""
        if not self.classes:
            return np.asarray(np.average(target, weights=weight))
        counts = np.bincount(target, weights=weight, minlength=self.classes)
        return np.asarray(counts / counts.sum())

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        if self._model is None or not len(matrix):
            return np.full((len(matrix), *self.average_.shape), self.average_)
        said = self._model.predict(
            self._features(matrix) if len(matrix) < TABLE_FROM else self._table(matrix),
            prediction_type="Probability" if self.classes else "RawFormulaVal",
            ntree_end=min(self.rounds_, self._model.tree_count_),
            thread_count=1 if len(matrix) < THREADS_FROM else -1,
        )
        return among_all_classes(np.asarray(said), self.known_, self.classes) if self.classes else np.asarray(said)

    def __getstate__(self) -> dict[str, Any]:
        """Keep the rounds it predicts by as bytes, which CatBoost reads back to the last digit."""
        state = {name: value for name, value in self.__dict__.items() if name != "_model"}
        if "_model" in self.__dict__:
            symmetric = self.settings.get("grow_policy", SYMMETRIC) == SYMMETRIC
            state["model_"] = None if self._model is None else _bytes_of(self._model, self.rounds_, symmetric=symmetric)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "model_" in state:
            kept = self.__dict__.pop("model_")
            self._model = None if kept is None else CatBoost().load_model(blob=kept.tobytes())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")


class _Watch:
    """CatBoost's callback: remembers the best round, and ends the fit when it is long past or time is up."""

    def __init__(self, patience: int, out_of_time: Clock | None, *, stops: bool) -> None:
        self.patience, self.out_of_time, self.stops = patience, out_of_time, stops
        self.best, self.loss, self.cut = 1, np.inf, False

    def after_iteration(self, info: Any) -> bool:
        """Say whether to go on."""
        if self.stops:
            loss = next(iter(info.metrics["validation"].values()))[-1]
            if loss < self.loss:
                self.best, self.loss = info.iteration, loss
            if info.iteration - self.best > self.patience + 0.3 * self.best:
                return False
        self.cut = self.out_of_time is not None and self.out_of_time()
        return not self.cut


def _whole(codes: Array) -> Array:
    """Turn codes into whole numbers from 1 on; 0 is a gap."""
    return np.asarray((np.fmax(codes, -1.0) + 1.0).astype(np.int64))


def _enough(codes: Array) -> int:
    """Say how many names are enough for all codes: a power of two, as each such number of names is remembered."""
    return 1 << int(codes.max(initial=0)).bit_length()


def _names(count: int) -> list[str]:
    """Name codes as text, a gap first."""
    return [str(code) for code in range(-1, count - 1)]


@cache
def _as_bytes(count: int) -> Array:
    return np.array([name.encode() for name in _names(count)], dtype=object)


@cache
def _levels(count: int) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(_names(count))


def _named(codes: Array) -> pd.Categorical:
    """Name each code of a column without making a text for each row."""
    return pd.Categorical.from_codes(codes, dtype=_levels(_enough(codes)), validate=False)


def _varies(matrix: Array) -> bool:
    """Whether any column tells rows apart; CatBoost refuses a table in which none does."""
    known = np.nan_to_num(matrix.astype(np.float32), nan=-np.inf)
    return bool((known != known[:1]).any())


def _without_notes(model: CatBoost) -> CatBoost:
    """Take out what differs between two fits that are the same: when it was, and a random name."""
    notes = model.get_metadata()
    for name in list(notes.keys()):
        if name not in NEEDED:
            del notes[name]
    return model


def _bytes_of(model: CatBoost, rounds: int, *, symmetric: bool) -> Array:
    """Write the first rounds of a model as CatBoost's file, shape (n_bytes,); only symmetric trees can be cut off."""
    cut = model.copy()
    if rounds < cut.tree_count_ and symmetric:
        cut.shrink(ntree_end=rounds)
    with TemporaryDirectory() as folder:  # it writes its form into files only
        file = Path(folder, "model.cbm")
        _without_notes(cut).save_model(str(file), format="cbm")
        return np.fromfile(file, dtype=np.uint8)
