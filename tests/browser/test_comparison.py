"""Pages that compare, as a browser shows them: pictures load, code changes can be told apart by everyone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest


def test_every_picture_of_a_comparison_has_loaded_and_is_told_in_words(pages: SimpleNamespace, visit: Callable) -> None:
    pictures = visit(pages.leaderboard).page.locator("img").all()
    assert len(pictures) == 5
    assert all(picture.evaluate("one => one.complete && one.naturalWidth > 0") for picture in pictures)
    assert all(len((picture.get_attribute("alt") or "").split()) > 10 for picture in pictures)


def test_a_picture_is_not_shrunk_on_a_phone_until_nothing_can_be_read(pages: SimpleNamespace, visit: Callable) -> None:
    pictures = visit(pages.leaderboard, width=400).page.locator("img").all()
    assert all(picture.bounding_box()["width"] >= 600 for picture in pictures)


def test_on_a_phone_scores_stand_beside_the_names_however_long_these_are(
    tmp_path: Path, visit: Callable, long_names: Callable[[Path], list[Path]]
) -> None:
    for made in long_names(tmp_path):
        board = visit(made, width=400).page.locator("table").first
        column = board.locator("thead th").all_text_contents().index("ROC AUC") + 1
        for cell in board.locator(f"tbody td:nth-child({column})").all():
            box = cell.bounding_box()
            assert box["x"] + box["width"] <= 400


def test_what_became_of_a_line_of_code_is_told_without_colour(pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(pages.difference).page
    for kind, mark, word in (("added", "+", "added:"), ("removed", "−", "removed:")):
        lines = page.locator(f".wb-{kind}")
        assert lines.count() > 0
        assert all(text.startswith(mark) and word in text for text in lines.all_text_contents()[:20])


@pytest.mark.parametrize("width", [1200, 400])
def test_long_lines_of_code_can_be_reached_inside_their_box(
    width: int, pages: SimpleNamespace, visit: Callable
) -> None:
    page = visit(pages.difference, width=width).page
    for box in page.locator(".wb-cell").all():
        assert box.bounding_box()["width"] <= width
        assert box.get_attribute("tabindex") == "0"
