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


def test_a_log_file_gets_a_line_of_what_is_done_and_none_of_what_begins(capfd):
    progress = Progress()
    progress.hear({**TRYING, "planned": None, "left": 83.9})
    progress.hear({**TRYING, "kind": "trial", "score": 0.9, "done": 7, "planned": None, "left": 80.9})
    assert capfd.readouterr().err == "7 trials done · best roc_auc 0.9123 · 1:20 left\n"
