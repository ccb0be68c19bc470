"""What a run is given: values without what is secret in them, and its tables as they are when it begins."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.documents.redaction import VARIABLE, Redactor

if TYPE_CHECKING:
    from workbench.dataset import Fetched
    from workbench.documents.run_folder import RunFolder
    from workbench.experiment import Store
    from workbench.template import Sealed, Template, Values


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one run is given.

    `taken` holds its tables' files, by their paths, URLs and names; `tables` names the parameters that are tables.
    """

    values: Values
    sealed: Sealed
    redactor: Redactor
    tables: tuple[str, ...]
    taken: dict[str, Fetched] = field(repr=False)

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

    @property
    def elsewhere(self) -> dict[str, Fetched]:
        """What had to be fetched, by its URLs."""
        if not self.taken:
            return {}
        from workbench.dataset import is_elsewhere

        return {text: one for text, one in self.taken.items() if is_elsewhere(text)}


def take_in(template: Template, values: Values, asked: Mapping[str, Any] | None = None) -> Inputs:
    """Take secrets out of the values of a run, and its tables in hand, each once.

    `asked` are the values whose tables are wanted; by default all.

    Raises
    ------
    BadParameters
        If a secret cannot be kept out of the run's files, or its environment variable is not set.
    BadTable
        If a table cannot be had.
    """
    from workbench.template import seal
    from workbench.template.named import TableType

    sealed = seal(values, os.environ)
    redactor = Redactor(sealed.secrets)
    tables = tuple(template.named(TableType))
    return Inputs(values, sealed, redactor, tables, _taken(tables, values.values if asked is None else asked))


def _taken(tables: Iterable[str], values: Mapping[str, Any]) -> dict[str, Fetched]:
    wanted = dict.fromkeys(text for name in tables for text in texts_in(values.get(name)) if text)
    if not wanted:
        return {}
    from workbench.dataset import take  # with pandas: not for notebooks without tables

    return {text: take(text) for text in wanted}


def kept_in(store: Store, inputs: Inputs) -> list[dict[str, Any]]:
    """Keep the tables of a run in the store, as they are in hand, and give what its manifest says of them."""
    from workbench.experiment import objects

    return [
        {"role": objects.DATA, "name": one.name, "parameter": name} | objects.keep_bytes(store, one.content, one.digest)
        for name in inputs.tables
        for text in texts_in(inputs.values.values.get(name))
        if (one := inputs.taken.get(text)) is not None
    ]


def bound_in(inputs: Inputs, folder: RunFolder, store: Store) -> dict[str, Any]:
    """Put what was fetched into the run, and give what its notebook is given: the paths of those files, not URLs.

    Of files the run notes where their content was kept, for they may change before its kernel reads them.
    """
    from workbench.documents.fetched import keep, note_given
    from workbench.experiment import objects

    elsewhere = inputs.elsewhere
    paths = {url: str(keep(folder, one.source, one.name, one.content)) for url, one in elsewhere.items()}
    here = {path: one.digest for path, one in inputs.taken.items() if path not in elsewhere}
    note_given(folder, {path: (mark, objects.place(store, mark)) for path, mark in here.items()})
    inputs.taken.clear()  # a run may take hours, and holds no table in memory meanwhile
    here_now = {
        name: moved(inputs.values.values[name], lambda url: paths.get(url, url))
        for name in inputs.tables
        if any(text in paths for text in texts_in(inputs.values.values.get(name)))
    }
    return inputs.sealed.bound | here_now


def texts_in(value: Any) -> Iterator[str]:
    """Give every text in a value: of one table, or of several in a list or by names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from texts_in(part)


def moved(value: Any, place: Callable[[str], str]) -> Any:
    """Put another text in place of each in a value, in the order of `texts_in`."""
    if isinstance(value, str):
        return place(value)
    if isinstance(value, list | tuple):
        return type(value)(moved(part, place) for part in value)
    return {key: moved(part, place) for key, part in value.items()} if isinstance(value, dict) else value
