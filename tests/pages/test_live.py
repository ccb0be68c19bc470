"""What a notebook shows while something works: how far it is, in words and as a bar, in one display."""

from __future__ import annotations

import re
import time

import pytest

from workbench.errors import UnknownName
from workbench.pages import live
from workbench.pages.live import Live, shown_live

STANDING = {"metric": "roc_auc", "best": 0.84713, "by": "lightgbm", "done": 6, "planned": None, "elapsed": 20.0}
TRYING = {"kind": "trying", "number": 7, "family": "catboost", **STANDING, "left": 60.0}
PLANNED = {"kind": "planned", "name": "farms", "total": 8, "counts": {"completed": 2, "running": 0, "waiting": 6}}


class Display:
    """Takes what a notebook would show."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, data: dict[str, str]) -> Display:
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        self.shown.append(data)

    @property
    def text(self) -> str:
        return self.shown[-1]["text/plain"]

    @property
    def share(self) -> float | None:
        found = re.search(r'<progress max="1" value="([\d.]+)"', self.shown[-1]["text/html"])
        return float(found.group(1)) if found else None


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    shown = Display()
    monkeypatch.setattr(live, "opened", shown)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    return shown


@pytest.mark.parametrize(
    ("event", "text", "share"),
    [
        (TRYING, "6 trials done · best ROC AUC 0.8471 (LightGBM) · trying CatBoost 7 · 1 min left", 0.25),
        ({**TRYING, "kind": "trial", "left": 5.0}, "6 trials done · best ROC AUC 0.8471 (LightGBM) · 5 s left", 0.8),
        ({**TRYING, "left": None, "planned": 24}, "… · trying CatBoost 7 · 24 planned", 0.25),
        ({**TRYING, "best": None, "done": 1}, "1 trial done · trying CatBoost 7 · 1 min left", 0.25),
        (
            {"kind": "search", "state": "resumed", "done": 4},
            "4 trials known from before; the best are fitted again.",
            None,
        ),
        ({"kind": "search", "state": "ended", "done": 9, "elapsed": 51.2}, "9 trials in 51 s.", 1.0),
        (
            {"kind": "search", "state": "ended", "done": 9, "elapsed": 51.2, "interrupted": True},
            "Interrupted: the best is kept of 9 trials in 51 s.",
            1.0,
        ),
        (
            {**STANDING, "kind": "finishing", "fitted": 2, "chosen": 4, "left": 5.0},
            "Fitting the 4 chosen models on all rows: 2 done · 5 s left",
            0.8,
        ),
        (
            {**STANDING, "kind": "finishing", "fitted": None, "chosen": None, "left": None, "planned": 6},
            "Choosing what the model is made of",
            None,
        ),
        (
            {**STANDING, "kind": "finishing", "fitted": 1, "chosen": 1, "left": 5.0},
            "Measuring the model · 5 s left",
            0.8,
        ),
        ({"kind": "cell", "state": "started", "index": 2, "total": 30}, "cell 3 of 30", None),
        ({"kind": "step", "name": "report"}, "writing the report", None),
        ({**PLANNED, "left": None}, "2 of 8 runs done", 0.25),
        (
            {
                **PLANNED,
                "kind": "ended",
                "counts": {"failed": 1, "completed": 3, "running": 2, "waiting": 2},
                "left": 90.0,
            },
            "4 of 8 runs done, 1 of them did not complete · about 1 min 30 s left",
            0.5,
        ),
    ],
)
def test_it_says_how_far_it_is(display: Display, event: dict, text: str, share: float | None):
    Live("It begins.").hear(event)
    assert display.text.endswith(text.removeprefix("…"))
    assert display.share == share
    assert "<progress" in display.shown[-1]["text/html"]


def test_time_left_goes_on_while_a_trial_takes_long(display: Display, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    shown = Live("It begins.")
    shown.hear(TRYING)
    now[0] += 40
    shown.hear({"kind": "resources", "memory": 1, "cpu": 1.0, "peak_memory": 1})  # is not for people
    assert shown.tick()
    assert display.text.endswith("trying CatBoost 7 · 20 s left")
    assert display.share == 0.75
    now[0] += 40
    assert not shown.tick()
    assert display.text.endswith("trying CatBoost 7 · 0 s left")
    shown.hear({"kind": "search", "state": "ended", "done": 7, "elapsed": 62.0})
    assert not shown.tick()
    assert display.text == "7 trials in 1 min 2 s."


def test_time_left_goes_on_while_the_chosen_models_are_fitted(display: Display, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    shown = Live("It begins.")
    shown.hear({**STANDING, "kind": "finishing", "fitted": 0, "chosen": 1, "left": 20.0})
    now[0] += 5
    assert shown.tick()
    assert display.text == "Fitting the chosen model on all rows · 15 s left"
    assert display.share == 0.625


def test_it_looks_at_the_time_by_itself_until_the_search_is_over(display: Display, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "TICK", 0.01)
    shown = Live("It begins.")
    shown.hear(TRYING)
    until = time.monotonic() + 20
    while len(display.shown) < 5 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(display.shown) >= 5
    shown.hear({"kind": "search", "state": "ended", "done": 7, "elapsed": 62.0})
    shown.ticker.join(20)
    assert not shown.ticker.is_alive()
    assert display.text == "7 trials in 1 min 2 s."


def test_nothing_is_left_to_look_at_the_time_of_a_search_that_is_gone(
    display: Display, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "TICK", 0.01)
    shown = Live("It begins.")
    shown.hear(TRYING)
    ticker = shown.ticker
    del shown
    ticker.join(20)
    assert not ticker.is_alive()


def test_what_is_shown_is_escaped(display: Display):
    Live("It begins.").hear({**TRYING, "family": "<script>alert(1)</script>"})
    assert "<script>" not in display.shown[-1]["text/html"]


def test_a_front_end_that_cannot_show_ends_nothing(monkeypatch: pytest.MonkeyPatch):
    class Broken:
        def update(self, *_: object, **__: object) -> None:
            raise ConnectionError("gone")

    monkeypatch.setattr(live, "opened", lambda _: Broken())
    Live("It begins.").hear(TRYING)


class Done:
    status, seconds = "timed_out", 12.0


def verb(error: BaseException | None = None, *, on_event=None) -> Done:
    assert on_event is not None
    on_event({"kind": "step", "name": "checking"})
    if error is not None:
        raise error
    return Done()


def test_a_verb_is_shown_from_its_beginning_to_its_end(display: Display):
    assert isinstance(shown_live(verb)(), Done)
    assert [one["text/plain"] for one in display.shown] == ["It begins.", "reading the table", "Timed out in 12 s."]
    assert display.share == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), "It did not come to an end."),
        (UnknownName("column", "Chrun", ["Churn"]), "There is no column 'Chrun'. Did you mean 'Churn'?"),
    ],
)
def test_of_a_verb_that_was_broken_off_no_bar_is_left(display: Display, error: BaseException, told: str):
    with pytest.raises(type(error)):
        shown_live(verb)(error)
    assert display.text.startswith(told)
    assert "<progress" not in display.shown[-1]["text/html"]


def test_who_listens_already_hears_alone(display: Display):
    heard = []
    shown_live(verb)(on_event=heard.append)
    assert [event["name"] for event in heard] == ["checking"]
    assert display.shown == []


def test_outside_of_a_notebook_nothing_is_shown():
    shown = Live("It begins.")
    shown.hear(TRYING)
    assert shown.line is None
    with pytest.raises(AssertionError):
        shown_live(verb)()  # nobody listens
