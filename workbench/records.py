"""The nouns that cross the walls between rooms: frozen, small, and known to everyone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["number", "boolean", "date", "category", "text", "id", "constant", "empty"]
Role = Literal["feature", "target", "id", "group", "time", "weight", "ignore"]
Level = Literal["note", "warn", "block"]
Status = Literal["completed", "failed", "killed", "timed_out", "out_of_memory", "cancelled"]
TaskKind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one experiment, with its 95 % interval.

    `optimism` is how much better the score looked on the rows the ensemble was chosen on than on rows it was not;
    `rows` is the number of rows the score was measured on.
    """

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    optimism: float | None = None
    higher_is_better: bool = True
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One finding about the data: what, why it matters, what was done about it. A `block` stops a promotion."""

    name: str
    level: Level
    message: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate decided, and why."""

    name: str
    passed: bool
    because: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The full name of one experiment: its name, its start in UTC and eight hex digits."""

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Take a full name apart; one without ``@`` has an empty version.

        Examples
        --------
        >>> Reference.parse("churn@20261121T183000Z-1f3ac09e").version
        '20261121T183000Z-1f3ac09e'
        """
        name, _, version = text.partition("@")
        return cls(name, version)

    @property
    def short(self) -> str:
        """The shortest lasting way to type it.

        Examples
        --------
        >>> Reference("churn", "20261121T183000Z-1f3ac09e").short
        'churn@1f3ac09e'
        """
        return f"{self.name}@{self.version.rpartition('-')[2]}"

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """How one column is read and used.

    `coercion` holds what `workbench.estimators.coerce.Coercer` needs to turn the raw column into its kind (a decimal
    mark, a date format, the words for true): plain JSON values. `distinct` and `missing` were counted in training;
    `note` says in plain words what was noticed when the kind was found.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    dtype: str = "object"
    coercion: dict[str, Any] = field(default_factory=dict)
    distinct: int = 0
    missing: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The columns of a table in file order, and the options its file was read with."""

    columns: tuple[ColumnSchema, ...]
    read: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> ColumnSchema:
        return next(column for column in self.columns if column.name == name)

    def named(self, *roles: Role) -> list[str]:
        """Names of the columns that have one of the `roles`, in file order."""
        return [column.name for column in self.columns if column.role in roles]
