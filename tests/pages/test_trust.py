"""Pictures of trust say in words what they show."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.metrics import reliability as compared
from workbench.pages import trust


@pytest.fixture
def promises() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and what happened where each is what it says."""
    random = np.random.default_rng(0)
    p = random.random(1000)
    return p, random.random(1000) < p


def test_the_words_are_of_the_rows_given_about_seventy_percent(promises):
    p, happened = promises
    picture = trust.reliability(compared(happened, p), p, came_true="were malignant", axis="probability")
    assert "Of 79 rows given about 69 %" in picture.alt
    assert "were malignant" in picture.alt
    assert "points off" in picture.alt
    assert "over 1,000 rows" in picture.alt


@pytest.mark.parametrize(("sharper", "told"), [(0.5, "more than promised"), (0.0, "less than promised")])
def test_what_is_not_kept_is_said(promises, sharper, told):
    p, _ = promises
    happened = np.random.default_rng(1).random(1000) < p * 0.5 + sharper
    assert told in trust.reliability_words(compared(happened, p), "were yes")


def test_intervals_are_counted():
    y = np.arange(100.0)
    picture = trust.intervals(y, y, y - 1, np.where(y < 80, y + 1, y - 0.5), asked=0.9, target="price")
    assert "80 % of 100 rows lie in their 90 % interval" in picture.alt
    assert picture.png.startswith(b"\x89PNG")


def test_a_decision_is_drawn_with_its_title():
    curve = trust.Curve(
        "cost", np.linspace(0, 0.9, 10), np.linspace(2, 1, 10), ((0.2, "the model's"), (0.5, "likelier"))
    )
    picture = trust.decision(np.array([[8, 2], [1, 9]]), curve, classes=["no", "yes"], title="Called yes above 20 %")
    assert "Called yes above 20 %" in picture.alt
    assert picture.width > picture.height
