"""A family of the user's own takes part in a search from beginning to end, whatever learner it brings."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import optuna
import pytest
from sklearn.naive_bayes import GaussianNB

from workbench.automl.families import Linear, Setting
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.documents.bundle import write_model
from workbench.errors import BadArtifact


class Bayes:
    """A learner that is nobody's but the user's: what its protocol asks for and no more."""

    boosted_ = rounds_ = 1
    cut_ = False

    def __init__(self, smoothing: float) -> None:
        self.model = GaussianNB(var_smoothing=smoothing)

    def fit(self, matrix: Any, target: Any, *, weight: Any = None, valid: Any = None, **others: Any) -> Bayes:
        self.model.fit(np.nan_to_num(matrix), target, weight)
        return self

    def settle(self, rounds: int) -> None:
        """Nothing to settle."""

    def predict(self, matrix: Any) -> Any:
        return self.model.predict_proba(np.nan_to_num(matrix))


class Naive:
    """A family that shares no class with those that are shipped."""

    name = "naive"
    style: Literal["dense"] = "dense"
    cost = 0.1
    ends_early = False
    stops_by_rows = False
    side_by_side = True
    most_rows = 10_000

    def portfolio(self, setting: Setting) -> list[dict[str, Any]]:
        return [{"smoothing": 1e-3}, {"smoothing": 1e-1}] if setting.classes else []

    def suggest(self, trial: optuna.Trial, setting: Setting) -> dict[str, Any]:
        return {"smoothing": trial.suggest_float("smoothing", 1e-9, 1.0, log=True)}

    def build(self, parameters: dict[str, Any], setting: Setting, *, seed: int) -> Bayes:
        return Bayes(parameters["smoothing"])


def test_its_portfolio_is_tried_then_its_space_and_its_trials_are_ranked_and_weighed(table, shop_table):
    made = task(table(shop_table(120)), "bought", ignore=["worth", "grade"])
    result = search(made, trials=6, families=[Naive(), "linear"])
    own = [one for one in result.trials if one["family"] == "naive"]
    assert {one["state"] for one in own} <= {"completed", "pruned"}
    assert [one["params"] for one in own[:2]] == [{"smoothing": 1e-3}, {"smoothing": 1e-1}]
    assert {"naive 1", "linear 2"} <= set(result.leaderboard["model"])
    assert len(result.model.predict(made.dataset.frame)) == 120


def test_alone_it_is_the_model_and_a_search_by_it_can_be_replayed(table, shop_table):
    from workbench.automl.record import task_document

    made = task(table(shop_table(120)), "grade", ignore=["worth", "bought"])
    first = search(made, trials=2, families=[Naive()])
    again = search(made, replay={**task_document(first), "trials": first.trials}, families=[Naive()])
    raw = made.dataset.frame
    assert np.array_equal(first.model.predict_proba(raw), again.model.predict_proba(raw))
    assert first.scores["accuracy"].value > 0.5


def test_one_that_proposes_nothing_for_a_table_leaves_it_to_the_others(table, shop_table):
    made = task(table(shop_table(120)), "worth", kind="regression", ignore=["grade", "bought"])
    result = search(made, trials=2, families=[Naive(), Linear()])
    assert {one["family"] for one in result.trials} == {"linear"}


def test_a_learner_that_no_bundle_carries_is_told_in_one_line(table, shop_table, tmp_path):
    made = task(table(shop_table(120)), "bought", ignore=["worth", "grade"])
    result = search(made, trials=1, families=[Naive()])
    with pytest.raises(
        BadArtifact, match=r"holds '.*Bayes', and a bundle carries .* Make a learner of your own of"
    ) as bad:
        write_model(tmp_path / "model", result.model, schema=made.schema, golden=made.dataset.frame)
    assert "\n" not in str(bad.value)
    assert not list(tmp_path.glob("*model*"))
