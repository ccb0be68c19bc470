"""A file of values for a template: JSON, YAML or TOML, one object of names and values."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.errors import BadParameters


def read_values(path: Path, what: str = "parameters file") -> dict[str, Any]:
    """Read a file of values by its ending: ``.json``, ``.yaml``, ``.yml`` or ``.toml``; messages call it `what`.

    Raises
    ------
    BadParameters
        If it is missing, cannot be read as what its ending says, names something twice, or holds no names.
    """
    named = f"The {what} {str(path)!r}"
    readers: dict[str, Callable[[str], Any]] = {
        ".json": _read_json, ".yaml": _read_yaml, ".yml": _read_yaml, ".toml": tomllib.loads,
    }  # fmt: skip
    if path.suffix.lower() not in readers:
        raise BadParameters([f"{named} is none of .json, .yaml, .yml and .toml."])
    if not path.is_file():
        raise BadParameters([f"{named} {'is not a file' if path.exists() else 'does not exist'}."])
    try:
        values = readers[path.suffix.lower()](path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadParameters([f"{named} cannot be read: {error.strerror}."]) from error
    except (ValueError, RecursionError) as error:
        because = " ".join(str(error).split())[:200]
        raise BadParameters([f"{named} is not good {path.suffix[1:].upper()}: {because}."]) from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise BadParameters([f"{named} must hold names and values, such as target: Churn."])
    return values


def _read_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return dict(pairs)


def _read_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Safe, and refuses what is there twice: YAML itself forbids it, PyYAML takes the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            known = set[str]()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in known:
                        raise yaml.constructor.ConstructorError(
                            problem=f"{key.value!r} is there twice", problem_mark=key.start_mark
                        )
                    known.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        values = yaml.load(text, Loader)  # noqa: S506 -- a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(_place_and_problem(error, text)) from error
    return {} if values is None else values


def _place_and_problem(error: Any, text: str) -> str:
    """Say where YAML is wrong, and how; PyYAML's own words name the text as such, and show its lines."""
    if (mark := getattr(error, "problem_mark", None)) is not None:
        begun = error.context_mark
        since = "" if begun is None or begun.line == mark.line else f" that begins in line {begun.line + 1}"
        context = f", {error.context}{since}" if error.context else ""
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{context}"
    if (at := getattr(error, "position", None)) is not None:
        before = text[:at].split("\n")
        return f"line {len(before)}, column {len(before[-1]) + 1}: {error.reason}"
    return str(error)
