"""The document a batch is asked for with, read into a `Spec`; every mistake in it is told with its place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from workbench.batches.steps import WHEN, Step, mistakes, references
from workbench.errors import BadBatch, BadParameters, BadPrice, BadReference
from workbench.experiment import Price, checked_name, read_price, slug
from workbench.template import memory_bytes, read_values, seconds

SOURCES = ("grid", "runs", "table")
MOST_RUNS = 100_000
STEP = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
SHARED = ("timeout", "memory", "retries")  # limits a step has of the batch, unless it says its own
MISSING = "is missing; name a template of the gallery or the path of a notebook"
Readers = dict[str, Callable[[str, Any], Any]]


@dataclass(frozen=True, slots=True)
class Spec:
    """What a batch was asked for: one of `grid`, `runs` and `table` says what differs from row to row.

    Attributes
    ----------
    template, name : str
        What is run for each row, empty for a pipeline; and what the batch is called.
    folder : Path
        Where relative paths start from: the folder of the spec's file.
    steps : tuple of Step
        What is run for each row instead of a template; a pipeline may do without rows.
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
    price: Price | None = None
    steps: tuple[Step, ...] = ()

    @property
    def pipeline(self) -> tuple[Step, ...]:
        """What is run for each row: its steps, or the one template as a step without a name."""
        limits = {name: getattr(self, name) for name in SHARED}
        return self.steps or (Step("", self.template, **limits),)


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
    shared = {key: values[key] for key in SHARED if key in values}
    steps = tuple(Step(one, **{**shared, **said}) for one, said in (values.pop("steps", None) or {}).items())
    door.ask_for_order(steps, values.get("parameters") or {})
    if door.problems:
        raise BadBatch(which, door.problems)
    template = values.setdefault("template", "")
    values.setdefault("name", name or slug(Path(template or "pipeline").stem))
    return Spec(**values, steps=steps, folder=folder, which=which)


class _Door:
    """Reads the values of a document, each by its key, and collects what is wrong."""

    def __init__(self, document: dict[Any, Any], folder: Path) -> None:
        self.document, self.folder = document, folder
        self.problems: list[str] = []
        everywhere: Readers = {
            "template": self._template, "parameters": self._mapping, "labels": self._labels,
            "retries": self._whole(0, 100), "timeout": self._duration, "memory": self._memory,
        }  # fmt: skip
        self.step_readers: Readers = everywhere | {"after": self._after, "when": self._one_of(*WHEN)}
        self.readers: Readers = everywhere | {
            "name": self._name, "grid": self._grid, "runs": self._runs, "table": self._table, "steps": self._steps,
            "workers": self._whole(1, 1024), "budget": self._duration, "price": self._price,
            "on_failure": self._one_of("continue", "stop"),
        }  # fmt: skip

    def read(self, key: Any, value: Any) -> Any:
        return self._read(self.readers, key, value)

    def _read(self, readers: Readers, key: Any, value: Any, within: str = "") -> Any:
        if key not in readers:
            near = get_close_matches(str(key), readers, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(readers)}"
            return self.wrong(f"{within}{key}", f"there is no such key; {hint}")
        return readers[key](f"{within}{key}", value)

    def wrong(self, place: str, problem: str) -> Any:
        """Note a mistake, and give what stands in for the value: it is never used, for the spec is refused."""
        self.problems.append(f"{place}: {problem}")
        return None

    def ask_for_a_template(self) -> None:
        if self._has("template") and self._has("steps"):
            self.wrong("template and steps", "both are given; keep one of them")
        elif not self._has("template") and not self._has("steps"):
            self.wrong("template", MISSING)

    def ask_for_one_source(self) -> None:
        given = [key for key in SOURCES if self._has(key)]
        if len(given) > 1 or (not given and not self._has("steps")):
            found = f"{' and '.join(given)} are given; keep one of them" if given else "is missing"
            self.wrong("grid, runs or table", found)

    def ask_for_order(self, steps: tuple[Step, ...], common: Mapping[str, Any]) -> None:
        self.problems += [f"{place}: {problem}" for place, problem in mistakes(steps)]
        names = {step.name for step in steps}
        for name, value in common.items():
            if any(step in names for step, _ in references(value)):
                self.wrong(f"parameters.{name}", "refers to a step; say it in the parameters of the step that needs it")

    def _has(self, key: str) -> bool:
        return self.document.get(key) is not None

    def _steps(self, place: str, value: Any) -> dict[str, dict[str, Any]] | None:
        if not isinstance(value, Mapping) or not value:
            return self.wrong(place, "must hold steps by their names, such as train: {template: regression}")
        return {str(name): self._step(f"{place}.{name}", str(name), said) for name, said in value.items()}

    def _step(self, place: str, name: str, value: Any) -> dict[str, Any]:
        if not STEP.fullmatch(name):
            self.wrong(place, "a step is named with up to 32 small letters, digits, _ and -, a letter or digit first")
        if not isinstance(value, Mapping):
            return self.wrong(place, "must say what it runs, such as template: regression") or {}
        if value.get("template") is None:
            self.wrong(f"{place}.template", MISSING)
        given = {key: one for key, one in value.items() if one is not None}
        said = {key: self._read(self.step_readers, key, one, f"{place}.") for key, one in given.items()}
        return {key: one for key, one in said.items() if one is not None}

    def _after(self, place: str, value: Any) -> tuple[str, ...] | None:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return self.wrong(place, f"must name steps, not {value!r}")
        return tuple(names)

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
                return seconds(value, place.rpartition(".")[2])
            except BadParameters as error:
                return self.wrong(place, error.problems[0].rstrip("."))
        return self.wrong(place, f"cannot be {value!r}; it is a length of time such as 10m")

    def _price(self, place: str, value: Any) -> Price | None:
        try:
            return read_price(str(value))
        except BadPrice:
            return self.wrong(place, f"cannot be {value!r}; it is money for an hour of the machine such as 0.10 EUR/h")

    def _memory(self, place: str, value: Any) -> str | None:
        try:
            memory_bytes(str(value), of=1e9)
        except BadParameters as error:
            return self.wrong(place, error.problems[0].rstrip("."))
        return str(value)

    def _one_of(self, *words: str) -> Callable[[str, Any], str | None]:
        told = f"{', '.join(words[:-1])} or {words[-1]}"

        def read(place: str, value: Any) -> str | None:
            return value if value in words else self.wrong(place, f"is {told}, not {value!r}")

        return read
