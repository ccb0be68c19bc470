"""What a run shows while a search is under way."""

from __future__ import annotations

import pytest

from workbench.cli.progress import Progress, TimeLeft

STANDING = {"metric": "roc_auc", "best": 0.91234, "done": 6, "elapsed": 21.0}
TRYING = {"kind": "trying", "number": 7, "family": "lightgbm", **STANDING}


@pytest.fixture
def shown():
    """What the bar would show after some events: description, facts, time left."""

    def after(*events: dict) -> tuple[str, str, str]:
        progress = Progress(quiet=True)
        for event in events:
            progress.hear(event)
        (task,) = progress.bar.tasks
        return task.description, task.fields["facts"], TimeLeft().render(task).plain

    return after


def test_trials_done_best_score_time_left_and_what_is_being_tried_are_told(shown):
    assert shown({**TRYING, "planned": None, "left": 83.9}) == (
        "trying lightgbm 7",
        "6 trials done · best roc_auc 0.9123",
        "· 1:23 left",
    )


def test_a_search_for_a_number_of_trials_counts_down_to_none(shown):
    assert shown({**TRYING, "planned": 20, "left": None}) == (
        "trying lightgbm 7",
        "6 trials done · best roc_auc 0.9123 · 14 to go",
        "",
    )


def test_before_the_first_score_there_is_none_to_tell(shown):
    _, facts, _ = shown({**TRYING, "best": None, "done": 0, "planned": 20, "left": None})
    assert facts == "0 trials done · no score yet · 20 to go"


def test_the_time_left_goes_when_the_search_is_over(shown):
    ended = {"kind": "search", "state": "ended", "done": 7, "best": 0.9}
    assert shown({**TRYING, "planned": None, "left": 3.0}, ended) == ("finishing and explaining the winner", "", "")


FITTING = {"kind": "finishing", "fitted": 2, "chosen": 4, "left": 9.0, **STANDING}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"fitted": None, "chosen": None}, "choosing what the model is made of"),
        ({}, "fitting the 4 chosen models on all rows: 2 done"),
        ({"fitted": 0, "chosen": 1}, "fitting the chosen model on all rows"),
        ({"fitted": 4}, "measuring the model"),
    ],
)
def test_after_the_trials_it_is_told_what_is_done_and_for_how_long(shown, event, text):
    trial = {**TRYING, "kind": "trial", "planned": None, "left": 12.0}
    assert shown(trial, {**FITTING, **event}) == (text, "", "· 0:08 left")


def test_the_bar_is_not_full_before_the_end():
    progress = Progress(quiet=True)
    bars = []
    for event in (
        {**TRYING, "kind": "trial", "done": 6, "planned": 6, "left": None},
        {**FITTING, "left": None},
        {**FITTING},
        {"kind": "search", "state": "ended"},
    ):
        progress.hear(event)
        (task,) = progress.bar.tasks
        bars.append((task.completed, task.total, task.finished))
    assert bars == [(6, 6, True), (21, None, False), (21, 30, False), (0, None, False)]


def test_a_log_file_gets_a_line_of_what_is_done_and_none_of_what_begins(capfd):
    progress = Progress()
    progress.hear({**TRYING, "planned": None, "left": 83.9})
    progress.hear({**TRYING, "kind": "trial", "score": 0.9, "done": 7, "planned": None, "left": 80.9})
    assert capfd.readouterr().err == "7 trials done · best roc_auc 0.9123 · 1:20 left\n"


def test_a_log_file_gets_a_line_when_the_chosen_models_begin_to_be_fitted_and_none_twice(capfd):
    progress = Progress()
    progress.hear({**TRYING, "kind": "trial", "score": 0.9, "done": 7, "planned": None, "left": 80.9})
    for fitted in (None, 0, 1, 2):
        progress.hear({**FITTING, "fitted": fitted, "chosen": None if fitted is None else 2})
    progress.hear({"kind": "search", "state": "ended"})
    assert capfd.readouterr().err == (
        "7 trials done · best roc_auc 0.9123 · 1:20 left\nfitting the 2 chosen models on all rows\n"
    )
