"""Types for parameters cells: ``from workbench import Table, Column``.

They are light annotations: in the notebook a `Table` is a piece of text, `Columns` a list of texts. The parameter layer
reads their names from the cell, so that a form can offer a file or a column, and a value can be checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from workbench.errors import WorkbenchError

FROM_ENVIRONMENT = "env:"


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

    A parameters cell declares it empty, or names the environment variable that holds it: ``Secret("env:DB_PASSWORD")``,
    which is looked up when it is revealed. A run hands a secret over through the environment of its kernel and takes
    its value out of everything that is kept.
    """

    __slots__ = ("_value", "variable")

    def __init__(self, value: str = "") -> None:
        self.variable = value.removeprefix(FROM_ENVIRONMENT) if value.startswith(FROM_ENVIRONMENT) else None
        self._value = value if self.variable is None else ""

    @classmethod
    def of(cls, text: str) -> Secret:
        """Make a secret of this very text, also of one that begins as a variable's name does."""
        secret = cls()
        secret._value = text
        return secret

    def reveal(self) -> str:
        """Give the text itself.

        Raises
        ------
        WorkbenchError
            If it is to come from an environment variable that is not set.
        """
        if self.variable is None:
            return self._value
        if self.variable not in os.environ:
            raise WorkbenchError(
                f"The secret is read from the environment variable {self.variable!r}, which is not set."
            )
        return os.environ[self.variable]

    def __repr__(self) -> str:
        if self.variable is not None:
            return f"Secret('{FROM_ENVIRONMENT}{self.variable}')"
        return "Secret('***')" if self._value else "Secret('')"

    def __str__(self) -> str:
        return "***" if self else ""

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def __bool__(self) -> bool:
        return bool(self._value if self.variable is None else os.environ.get(self.variable))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self.variable) == (other._value, other.variable)

    def __hash__(self) -> int:
        return hash((self._value, self.variable))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        """Pickle the name of its variable: another process finds the value there, and no file holds it."""
        if self.variable is None and self._value:
            raise TypeError("A secret is not pickled: its value would be written. Reveal it where it is needed.")
        return Secret, (f"{FROM_ENVIRONMENT}{self.variable}" if self.variable is not None else "",)
