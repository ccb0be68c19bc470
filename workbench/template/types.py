"""Types for parameters cells: ``from workbench import Table, Column``.

They are light annotations: in the notebook a `Table` is a piece of text, `Columns` a list of texts. The parameter layer
reads their names from the cell, so that a form can offer a file or a column, and a value can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Means:
    """What a text stands for, beyond being text."""

    name: str


Table = Annotated[str, Means("table")]
"""A table: a path, a URL or ``example:NAME``."""

Column = Annotated[str, Means("column")]
"""The name of one column of the table."""

Columns = Annotated[list[str], Means("columns")]
"""Names of columns of the table."""

Duration = Annotated[str, Means("duration")]
"""A length of time above zero: ``60s``, ``5m``, ``1h30m``."""

Memory = Annotated[str, Means("memory")]
"""An amount of memory: ``4GB``, ``500MB``, or a share of the machine's: ``70%``."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a value may be: ``Annotated[int, Bounds(ge=1, le=8)]``.

    `ge`, `gt`, `le` and `lt` bound a number; `min_length` and `max_length` bound a text, list or dict.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None


class Secret:
    """A text that is never shown: ``token: Secret = Secret("")``, and ``token.reveal()`` where it is needed.

    A parameters cell declares it empty. A run refuses a value for it, because a value
    would be written into the run's files. Secrets are handed over through the environment later; until then read them
    there: ``token = Secret(os.environ["TOKEN"])``.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    def __str__(self) -> str:
        return "***" if self._value else ""

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)
