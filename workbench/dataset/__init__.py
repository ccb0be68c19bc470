"""A table by path or URL and content hash: reading it; its columns, their kinds and roles."""

from __future__ import annotations

from workbench.dataset.examples import EXAMPLES, write_example
from workbench.dataset.fetch import Fetched, fetch, is_elsewhere
from workbench.dataset.profile import profile
from workbench.dataset.read import read_fetched, read_table, take, with_roles
from workbench.dataset.table import Dataset, coercer_of

__all__ = [
    "EXAMPLES",
    "Dataset",
    "Fetched",
    "coercer_of",
    "fetch",
    "is_elsewhere",
    "profile",
    "read_fetched",
    "read_table",
    "take",
    "with_roles",
    "write_example",
]
