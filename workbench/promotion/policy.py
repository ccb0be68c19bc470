"""The policy: what a model must show before it goes live, read from a small YAML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import BadParameters, UnknownName
from workbench.metrics import ALIASES, METRICS


@dataclass(frozen=True, slots=True)
class Policy:
    """What the gate asks for.

    Attributes
    ----------
    metric : str
        What the candidate and the live model are compared on; empty for the metric the candidate was searched by.
    margin : float
        The candidate must be better than the live model by more than this, in units of the metric; a negative margin
        lets a slightly worse model through.
    allow_checks : tuple of str
        Names of data checks that do not block, though they are at the level ``block``.
    """

    metric: str = ""
    margin: float = 0.0
    allow_checks: tuple[str, ...] = ()


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises
    ------
    BadParameters
        With everything that is wrong with the file.

    Examples
    --------
    A file may hold any of these lines::

        metric: roc_auc        # compare on this one
        margin: 0.005          # better by more than this
        allow_checks: [leak]   # this finding was looked into
    """
    try:
        with path.open(encoding="utf-8") as file:  # messages name it, with line and column
            document = yaml.safe_load(file)
    except OSError as error:
        raise BadParameters([f"The policy {str(path)!r} cannot be read: {error.strerror or error}."]) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise BadParameters([f"The policy {str(path)!r} is no YAML file: {told}."]) from error
    return policy_from({} if document is None else document, str(path))


def policy_from(document: Any, which: str) -> Policy:
    """Check a policy document and construct it; `which` names it in errors."""
    if not isinstance(document, Mapping):
        raise BadParameters([f"The policy {which!r} is no list of settings such as 'margin: 0.01'."])
    known = [field.name for field in fields(Policy)]
    problems = [str(UnknownName("policy setting", str(name), known)) for name in document if name not in known]
    values: dict[str, Any] = {}
    for name, judge in (("metric", _metric), ("margin", _margin), ("allow_checks", _names)):
        try:
            if document.get(name) is not None:
                values[name] = judge(document[name])
        except ValueError as error:
            problems.append(f"The policy's {name} {error}.")
    if problems:
        raise BadParameters([f"{which}: {problem}" for problem in problems])
    return Policy(**values)


def _metric(value: Any) -> str:
    if isinstance(value, str) and (name := ALIASES.get(value, value)) in METRICS:
        return name
    raise ValueError(f"is {value!r}. {UnknownName('metric', str(value), METRICS)}".rstrip("."))


def _margin(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"is {value!r}, not a number such as 0.01")
    return float(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"is {value!r}, not a list of names of checks such as [leak, duplicates]")
    return tuple(value)
