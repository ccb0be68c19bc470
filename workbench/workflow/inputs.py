"""What a run is given: values without what is secret in them, and the tables that had to be fetched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.documents.redaction import VARIABLE, Redactor

if TYPE_CHECKING:
    from workbench.dataset import Fetched
    from workbench.documents.run_folder import RunFolder
    from workbench.template import Sealed, Template, Values


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one run is given.

    `fetched` holds tables that are elsewhere, by their URLs; `tables` names the parameters that are tables.
    """

    values: Values
    sealed: Sealed
    redactor: Redactor
    tables: tuple[str, ...]
    fetched: dict[str, Fetched] = field(repr=False)

    @property
    def shown(self) -> dict[str, Any]:
        """Values as they may be told."""
        return self.sealed.shown

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the kernel: the secrets, and where its own redactor finds them."""
        if not self.sealed.variables:
            return dict(self.sealed.environment)
        return {**self.sealed.environment, VARIABLE: json.dumps(self.sealed.variables)}


def take_in(template: Template, values: Values) -> Inputs:
    """Take secrets out of the values of a run, and fetch the tables that are elsewhere, each once.

    Raises
    ------
    BadParameters
        If a secret cannot be kept out of the run's files, or its environment variable is not set.
    BadTable
        If a table cannot be fetched.
    """
    from workbench.template import seal
    from workbench.template.named import TableType

    sealed = seal(values, os.environ)
    redactor = Redactor(sealed.secrets)
    tables = tuple(template.named(TableType))
    return Inputs(values, sealed, redactor, tables, _fetched(tables, values.values) if tables else {})


def _fetched(tables: Iterable[str], values: Mapping[str, Any]) -> dict[str, Fetched]:
    from workbench.dataset import fetch, is_elsewhere  # with pandas: not for notebooks without tables

    wanted = dict.fromkeys(text for name in tables for text in _texts(values.get(name)) if is_elsewhere(text))
    return {url: fetch(url) for url in wanted}


def bound_in(inputs: Inputs, folder: RunFolder) -> dict[str, Any]:
    """Put what was fetched into the run, and give what its notebook is given: the paths of those files, not URLs."""
    from workbench.documents.fetched import keep

    paths = {url: str(keep(folder, one.source, one.name, one.content)) for url, one in inputs.fetched.items()}
    inputs.fetched.clear()  # a run may take hours, and holds no table in memory meanwhile
    moved = {
        name: _moved(inputs.values.values[name], paths)
        for name in inputs.tables
        if any(text in paths for text in _texts(inputs.values.values.get(name)))
    }
    return inputs.sealed.bound | moved


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _moved(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return paths.get(value, value)
    if isinstance(value, list | tuple):
        return type(value)(_moved(part, paths) for part in value)
    return {key: _moved(part, paths) for key, part in value.items()} if isinstance(value, dict) else value
