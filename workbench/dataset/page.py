"""The dataset as a piece of HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.dataset.table import Dataset


def page(dataset: Dataset) -> str:
    """Show what the table is and what its columns are."""
    return f"<p>{escape(repr(dataset))}</p>"
