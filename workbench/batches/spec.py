"""The document a batch is asked for with, read into a `Spec`; every mistake in it is told with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from workbench.errors import BadBatch, BadParameters, BadReference
from workbench.experiment import checked_name, slug
from workbench.template import memory_bytes, read_values, seconds

SOURCES = ("grid", "runs", "table")
MOST_RUNS = 100_000


@dataclass(frozen=True, slots=True)
class Spec:
    """What a batch was asked for: exactly one of `grid`, `runs` and `table` says what differs from run to run.

    Attributes
    ----------
    template, name : str
        What is run, and what the batch is called.
    folder : Path
        Where relative paths start from: the folder of the spec's file.
    parameters : dict
        Common to all runs; what a run says itself wins.
    labels : dict of str to str
        Label to text; ``{farm}`` in a text stands for the run's own parameter or cell of that name.
    timeout, budget : float or None
        Seconds, of each run and of the whole batch.
    memory : int, str or None
        Bytes that each run may hold, or a share of the machine's.
    """

    template: str
    name: str
    folder: Path
    which: str = "batch"
    parameters: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, list[Any]] | None = None
    runs: list[dict[str, Any]] | None = None
    table: Path | None = None
    labels: dict[str, str] = field(default_factory=dict)
    workers: int | None = None
    retries: int = 0
    timeout: float | None = None
    memory: str | None = None
    budget: float | None = None
    on_failure: Literal["continue", "stop"] = "continue"


def read_spec(file: Path) -> Spec:
    """Read the file of a spec: YAML, JSON or TOML by its ending.

    Raises
    ------
    BadBatch
        With everything that is wrong in it.
    """
    try:
        document = read_values(file, "file")
    except BadParameters as error:
        raise BadBatch(str(file), [problem.rstrip(".") for problem in error.problems]) from error
    return spec_of(document, folder=file.absolute().parent, which=str(file), name=slug(file.stem))


def spec_of(document: Mapping[str, Any], *, folder: Path, which: str = "batch", name: str | None = None) -> Spec:
    """Read a spec from a document.

    Parameters
    ----------
    document : mapping
        Its keys and values, as in a file.
    folder : Path
        Where its relative paths start from.
    which : str
        What messages call it.
    name : str, optional
        Of the batch, when the document gives none; otherwise it is made of the template's name.

    Raises
    ------
    BadBatch
        With everything that is wrong.
    """
    door = _Door(dict(document), folder)
    values = {key: door.read(key, value) for key, value in document.items() if value is not None}
    door.ask_for_a_template()
    door.ask_for_one_source()
    if door.problems:
        raise BadBatch(which, door.problems)
    values.setdefault("name", name or slug(Path(values["template"]).stem))
    return Spec(**values, folder=folder, which=which)


class _Door:
    """Reads the values of a document, each by its key, and collects what is wrong."""

    def __init__(self, document: dict[Any, Any], folder: Path) -> None:
        self.document, self.folder = document, folder
        self.problems: list[str] = []
        self.readers: dict[str, Callable[[str, Any], Any]] = {
            "template": self._template, "name": self._name, "parameters": self._mapping, "grid": self._grid,
            "runs": self._runs, "table": self._table, "labels": self._labels, "workers": self._whole(1, 1024),
            "retries": self._whole(0, 100), "timeout": self._duration, "memory": self._memory,
            "budget": self._duration, "on_failure": self._on_failure,
        }  # fmt: skip

    def read(self, key: Any, value: Any) -> Any:
        if key not in self.readers:
            near = get_close_matches(str(key), self.readers, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self.readers)}"
            return self.wrong(str(key), f"there is no such key; {hint}")
        return self.readers[key](key, value)

    def wrong(self, place: str, problem: str) -> Any:
        """Note a mistake, and give what stands in for the value: it is never used, for the spec is refused."""
        self.problems.append(f"{place}: {problem}")
        return None

    def ask_for_a_template(self) -> None:
        if self.document.get("template") is None:
            self.wrong("template", "is missing; name a template of the gallery or the path of a notebook")

    def ask_for_one_source(self) -> None:
        given = [key for key in SOURCES if self.document.get(key) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given; keep one of them" if given else "is missing"
            self.wrong("grid, runs or table", found)

    def _template(self, place: str, value: Any) -> str | None:
        if not isinstance(value, str) or not value.strip():
            return self.wrong(place, f"cannot be {value!r}; name a template or a notebook")
        beside = self.folder / os.path.expanduser(value)  # noqa: PTH111 -- fails for a user who does not exist
        return str(beside) if os.sep in value or value.endswith(".ipynb") else value

    def _name(self, place: str, value: Any) -> str | None:
        try:
            return checked_name(str(value))
        except BadReference as error:
            return self.wrong(place, f"{value!r} {error.problem}. {error.remedy}".rstrip("."))

    def _mapping(self, place: str, value: Any) -> dict[str, Any] | None:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            return self.wrong(place, "must hold names and values, such as target: Churn")
        return dict(value)

    def _grid(self, place: str, value: Any) -> dict[str, list[Any]] | None:
        axes = self._mapping(place, value)
        if axes is None:
            return None
        runs = 1
        for name, axis in axes.items():
            if not isinstance(axis, list) or not axis:
                self.wrong(f"{place}.{name}", f"must be a list of values, not {axis!r}")
            else:
                runs *= len(axis)
        if not axes:
            self.wrong(place, "is empty; name parameters and lists of values")
        if runs > MOST_RUNS:
            self.wrong(place, f"stands for {runs:,} runs; a batch has at most {MOST_RUNS:,}")
        return axes

    def _runs(self, place: str, value: Any) -> list[dict[str, Any]] | None:
        if not isinstance(value, list) or not value:
            return self.wrong(place, "must be a list of runs, each with names and values")
        return [self._mapping(f"{place}[{at}]", one) or {} for at, one in enumerate(value, start=1)]

    def _table(self, place: str, value: Any) -> Path | None:
        if not isinstance(value, str) or not value.strip():
            return self.wrong(place, f"cannot be {value!r}; name a CSV or parquet file")
        return self.folder / os.path.expanduser(value)  # noqa: PTH111 -- see above

    def _labels(self, place: str, value: Any) -> dict[str, str] | None:
        if isinstance(value, list):
            value = {str(name): f"{{{name}}}" for name in value}
        if not isinstance(value, Mapping) or any(isinstance(text, list | Mapping) for text in value.values()):
            return self.wrong(place, "must be a list of columns, or labels and texts such as farm: '{farm}'")
        return {str(name): str(text) for name, text in value.items()}

    def _whole(self, least: int, most: int) -> Callable[[str, Any], int | None]:
        def read(place: str, value: Any) -> int | None:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                return self.wrong(place, f"cannot be {value!r}; it is a whole number from {least} to {most:,}")
            return value

        return read

    def _duration(self, place: str, value: Any) -> float | None:
        if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
            try:
                return seconds(value, place)
            except BadParameters as error:
                return self.wrong(place, error.problems[0].rstrip("."))
        return self.wrong(place, f"cannot be {value!r}; it is a length of time such as 10m")

    def _memory(self, place: str, value: Any) -> str | None:
        try:
            memory_bytes(str(value), of=1e9)
        except BadParameters as error:
            return self.wrong(place, error.problems[0].rstrip("."))
        return str(value)

    def _on_failure(self, place: str, value: Any) -> str | None:
        return value if value in ("continue", "stop") else self.wrong(place, f"is continue or stop, not {value!r}")
