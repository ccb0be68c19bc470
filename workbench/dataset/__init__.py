"""A table by path and content hash: reading it; its columns, their kinds and roles."""

from __future__ import annotations

from workbench.dataset.examples import EXAMPLES, write_example
from workbench.dataset.profile import profile
from workbench.dataset.read import read_table, with_roles
from workbench.dataset.table import Dataset, coerced, coercer

__all__ = ["EXAMPLES", "Dataset", "coerced", "coercer", "profile", "read_table", "with_roles", "write_example"]
