"""Gradient-boosted trees by LightGBM, kept as the text of the model."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from lightgbm.callback import CallbackEnv, EarlyStopException

from .link import probabilities_of
from .rounds import Boosted, Clock, Held

Array = npt.NDArray[Any]
# LightGBM takes all trees for one row before it turns to the next, and more of them do not stay in a processor's cache:
# of 1,946 trees of 31 leaves each took 62 ns a row, and 27 when the rows went through so many leaves at a time (on a
# busy machine).
LEAVES_AT_A_TIME = 3_000
MANY_ROWS = 100  # fewer are predicted sooner by all trees at once
# Walks of a row through a tree from which on all cores share them: some tenths of a second of one. To gather threads
# for less takes longer than it saves, and other models predict beside this one.
MANY_WALKS = 5_000_000
BORN = os.getpid()  # a process forked from this one would wait for ever for LightGBM's threads, which stay here
LEAVES = 31  # of a tree, unless LightGBM is told otherwise


class BoostedTrees(Boosted):
    """Boosted trees by LightGBM; `settings` are its own parameters (objective, num_leaves, …).

    Of a regression the objective has to be one of the target itself, such as the squared error, not of its logarithm.
    """

    def _boost(
        self, rows: Held, valid: Held | None, categorical: list[int], out_of_time: Clock | None, shared: dict[str, Any]
    ) -> None:
        if "binned" not in shared:
            shared["binned"] = _binned(rows, valid, categorical, self.settings)
        train, held = shared["binned"]
        watch = _Watch(self.patience, out_of_time, stops=held is not None)
        booster = lgb.train(
            dict(self.settings),
            train,
            num_boost_round=self.rounds,
            valid_sets=[] if held is None else [held],
            callbacks=[watch],
        )
        self.rounds_ = max(1, watch.trees if held is not None else booster.current_iteration())
        self.boosted_, self.cut_ = watch.made, watch.cut
        self._use(booster.free_dataset())

    def _use(self, booster: lgb.Booster) -> None:
        """Predict by a booster, which notes in itself from which tree to which: threads have to take turns."""
        self._booster, self._turns = booster, Lock()

    def predict(self, matrix: Array) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        scores = self._scores(matrix)
        return probabilities_of(scores) if self.classes else scores

    def _scores(self, matrix: Array) -> Array:
        """Add up the trees, for many rows some at a time."""
        leaves = self.settings.get("num_leaves", LEAVES) * (self.classes if self.classes > 2 else 1)
        most = self.rounds_ if len(matrix) < MANY_ROWS else max(1, LEAVES_AT_A_TIME // leaves)
        walks = len(matrix) * self.rounds_ * (self.classes if self.classes > 2 else 1)
        total: Any = 0.0
        with self._turns:
            for start in range(0, self.rounds_, most):
                total = total + self._booster.predict(
                    matrix,
                    raw_score=True,
                    start_iteration=start,
                    num_iteration=min(most, self.rounds_ - start),
                    num_threads=0 if walks >= MANY_WALKS and os.getpid() == BORN else 1,
                )
        return np.asarray(total)

    def __getstate__(self) -> dict[str, Any]:
        """Keep the model as text, which LightGBM reads back to the last digit."""
        state = {name: value for name, value in self.__dict__.items() if name not in ("_booster", "_turns")}
        if "_booster" in self.__dict__:
            state["model_"] = self._booster.model_to_string(num_iteration=self.rounds_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "model_" in state:
            self._use(lgb.Booster(model_str=self.__dict__.pop("model_")))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_booster")


class _Watch:
    """LightGBM's callback: remembers the best round, and ends the fit when it is long past or time is up."""

    order = 30
    before_iteration = False

    def __init__(self, patience: int, out_of_time: Clock | None, *, stops: bool) -> None:
        self.patience, self.out_of_time, self.stops = patience, out_of_time, stops
        self.best, self.loss, self.cut = 0, np.inf, False
        # A round that finds nothing to split adds no tree, though it was made: to fit again takes as many rounds, to
        # predict as at the best round takes the trees there were.
        self.made = self.trees = 0

    def __call__(self, env: CallbackEnv) -> None:
        results = env.evaluation_result_list or []
        self.made = env.iteration + 1
        if self.stops:
            _, _, value, higher, *_ = results[0]
            loss = -value if higher else value
            if loss < self.loss:
                assert isinstance(env.model, lgb.Booster)
                self.best, self.loss, self.trees = env.iteration, loss, env.model.current_iteration()
            if env.iteration - self.best > self.patience + 0.3 * self.best:
                raise EarlyStopException(env.iteration, results)  # not the best: trees beyond it would be cut off
        if self.out_of_time is not None and self.out_of_time():
            self.cut = True
            raise EarlyStopException(env.iteration, results)


def _binned(
    rows: Held, valid: Held | None, categorical: list[int], settings: dict[str, Any]
) -> tuple[lgb.Dataset, lgb.Dataset | None]:
    # feature_pre_filter would bind the bins to one min_data_in_leaf; the seed is of the sampling for bins only.
    names = ("max_bin", "min_data_in_bin", "num_threads", "verbosity", "force_col_wise", "deterministic")
    fixed = {name: settings[name] for name in names if name in settings}
    fixed |= {"feature_pre_filter": False, "data_random_seed": 1}
    matrix, target, weight = rows
    train = lgb.Dataset(matrix, target, weight=weight, categorical_feature=categorical, params=fixed).construct()
    if valid is None:
        return train, None
    held = train.create_valid(valid[0], valid[1], weight=valid[2], params=fixed)
    return train, held.set_categorical_feature(categorical).construct()
