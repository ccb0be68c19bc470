"""What the studies remember of a search whose process died."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from workbench.automl.families import Linear, Setting
from workbench.automl.searching.studies import Studies
from workbench.automl.searching.trying import Outcome

SETTING = Setting("binary", "roc_auc", 2, 1_000, 10)


def test_a_trial_that_died_before_its_study_was_told_is_tried_once_more_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened() -> Studies:
        return Studies([Linear()], SETTING, seed=0, journal=tmp_path / "study.journal")

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    first = opened()
    asked = first.ask(Linear(), 1, seed=7)
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", dies)
        with pytest.raises(KeyboardInterrupt):
            first.tell(asked, Outcome("done"), 0.4, {"number": 1})
    later = opened()
    assert later.past() == []
    (again,), dead = later.left_running([Linear()], again=True)
    assert (again.number, again.parameters, again.seed, dead) == (1, asked.parameters, 7, [])
    later.tell(again, Outcome("done"), 0.4, {"number": 1})
    assert opened().past() == [{"number": 1}]
