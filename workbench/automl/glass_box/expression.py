"""Values and estimators written as Python, as a person would type them."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError

WIDTH = 110
UNWRITTEN = "The model cannot be written as a notebook"
FEW_NUMBERS = 40  # more are written as base64


class Code(str):
    """Text that is Python already."""

    __slots__ = ()


def expression(value: Any, indent: int = 0) -> str:
    """Write a value: on one line where it fits, else a line for each of its parts.

    Parameters
    ----------
    value
        Plain values of JSON, arrays, `Code`, or what `workbench.automl.glass_box.realised.described` gives.

    Raises
    ------
    WorkbenchError
        If it holds what was not told, for JSON has no word for it.
    """
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, np.ndarray):
        return _array(value, indent)
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else f"{'-' if value < 0 else ''}np.inf"
    if isinstance(value, list | tuple):
        return _joined("[", (expression(each, indent + 4) for each in value), "]", indent)
    if isinstance(value, Mapping):
        if set(value) == {"untold"}:
            raise WorkbenchError(f"{UNWRITTEN}: it was made with a value of type {value['untold']}.")
        if "class" in value and set(value) <= {"class", "arguments", "learned"}:
            return _estimator(value, indent)
        return _joined("{", (f"{name!r}: {expression(each, indent + 4)}" for name, each in value.items()), "}", indent)
    return repr(value)


def call(name: str, arguments: Mapping[str, Any], indent: int = 0, first: str = "") -> str:
    """Write a call with its arguments by name."""
    told = (f"{argument}={expression(value, indent + 4)}" for argument, value in arguments.items())
    return _joined(f"{name}(", [first, *told] if first else told, ")", indent)


def classes_in(value: Any) -> set[str]:
    """Full names of the classes in a description."""
    if isinstance(value, Mapping):
        own = {str(value["class"])} if "class" in value and "arguments" in value else set()
        return own.union(*map(classes_in, value.values()))
    return set().union(*map(classes_in, value)) if isinstance(value, list | tuple) else set()


def _estimator(described: Mapping[str, Any], indent: int) -> str:
    learned = described.get("learned")
    name = str(described["class"]).rpartition(".")[2]
    made = call(name, described["arguments"], indent + 4 if learned else indent)
    return call("restored", learned, indent, first=made) if learned else made


def _array(values: np.ndarray[Any, Any], indent: int) -> str:
    if values.dtype.kind not in "fiub":
        raise WorkbenchError(f"{UNWRITTEN}: it learned an array of {values.dtype}.")
    if values.size <= FEW_NUMBERS:
        return f"np.array({expression(values.tolist(), indent + 4)})"
    text = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
    return f"unpacked({text!r}, {values.dtype.str!r}, {values.shape!r})"


def _joined(opening: str, parts: Iterable[str], closing: str, indent: int) -> str:
    told = list(parts)
    line = f"{opening}{', '.join(told)}{closing}"
    if len(line) + indent <= WIDTH and "\n" not in line:
        return line
    space = " " * (indent + 4)
    return f"{opening}\n{''.join(f'{space}{part},{chr(10)}' for part in told)}{' ' * indent}{closing}"
