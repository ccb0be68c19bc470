"""What a run was given, put where it is found again: its template, its values, and its tables as they were."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import fetched
from workbench.documents.files import digest
from workbench.documents.redaction import HIDDEN
from workbench.documents.run_folder import RunFolder
from workbench.errors import BadParameters, BadReference, BadTable
from workbench.pages.words import listing
from workbench.workflow.inputs import moved, texts_in

if TYPE_CHECKING:
    from workbench.experiment import Experiment, Store
    from workbench.template import Template

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """The request of a run: a copy of its template, and values by name.

    `texts` are parameters as they were typed just now, `anew` the names of all that were given just now.
    """

    template: Template
    values: dict[str, Any]
    texts: tuple[str, ...] = ()
    anew: frozenset[str] = frozenset()


def given_again(
    experiment: Experiment,
    stores: Iterable[Store],
    folder: Path,
    *,
    texts: Iterable[str] = (),
    parameters: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Given:
    """Find what a run was given, and write what has to be a file into a folder.

    Parameters
    ----------
    experiment : Experiment
    stores : iterable of Store
        Where its tables may be kept.
    folder : Path
        An empty folder of this reproduction alone.
    texts, parameters
        Values that are given anew, as typed (``name=value``) and by name: secrets, which are not kept; a table that is
        not; and whatever is to be tried.

    Raises
    ------
    BadReference
        If the experiment holds no template.
    BadParameters
        If a secret is missing.
    BadTable
        If a table is not to be had as it was.
    """
    from workbench.template import find, split

    template = find(_template(experiment, folder))
    parameters, texts = dict(parameters or {}), tuple(texts)
    anew = frozenset([*parameters, *(split(text)[0] for text in texts)])
    rest = {name: told for name, told in experiment.parameters().items() if name not in anew}
    values = _without_secrets(template, rest, environ)
    values |= _tables(experiment, [*stores], template, values, folder)
    _insist_on_whole_addresses(values)
    return Given(template, {**values, **parameters}, texts, anew)


def _template(experiment: Experiment, folder: Path) -> Path:
    """Copy the template under the name it was asked for by."""
    if not experiment.template.is_file():
        raise BadReference(str(experiment.reference), "holds no template", "Name the experiment of one run.")
    place = folder / "template" / f"{Path(experiment.manifest['template']).name or 'template'}.ipynb"
    place.parent.mkdir()
    place.write_bytes(experiment.template.read_bytes())
    return place


def _without_secrets(template: Template, told: Mapping[str, Entry], environ: Mapping[str, str]) -> dict[str, Any]:
    """Give the values that are on record; a secret that was given then has to be given now."""
    from workbench.template.named import SecretType

    secrets = template.named(SecretType)
    wanted = [name for name in secrets if name in told and told[name]["source"] != "default" and told[name]["value"]]
    missing = [name for name in wanted if not _is_in(environ, name)]
    if missing:
        named, many = listing([repr(name) for name in missing]), len(missing) > 1
        raise BadParameters(
            [
                f"The {'secrets' if many else 'secret'} {named} {'are' if many else 'is'} not kept with an experiment: "
                f"give {'them' if many else 'it'} again, as -p {missing[0]}=@env:NAME or @file:PATH."
            ]
        )
    return {name: one["value"] for name, one in told.items() if name not in secrets}


def _is_in(environ: Mapping[str, str], name: str) -> bool:
    from workbench.template.values import VARIABLE

    return any(f"{VARIABLE}{spelled}" in environ for spelled in (name, name.upper()))


def _insist_on_whole_addresses(values: Mapping[str, Any]) -> None:
    """Refuse addresses whose password was taken out when they were kept."""
    if hidden := [name for name, value in values.items() if f"://{HIDDEN}@" in json.dumps(value)]:
        named = listing([repr(name) for name in hidden])
        raise BadParameters([f"The password in {named} is not kept with an experiment: give the whole again with -p."])


def _tables(
    experiment: Experiment, stores: list[Store], template: Template, values: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Give the tables that were given, one or several of a parameter, as they were."""
    from workbench.experiment import objects
    from workbench.template.named import TableType

    source = experiment.task().get("data") or {}
    entries = objects.named(experiment.manifest, objects.DATA)
    given = {name: values[name] for name in template.named(TableType) if any(texts_in(values.get(name)))}

    def restored(name: str) -> Any:
        kept = [one for one in entries if one.get("parameter") == name]
        known = iter(kept if len(kept) == sum(map(bool, texts_in(given[name]))) else ())  # one for each, in their order
        searched = {source.get("source"): source}

        def place(text: str) -> str:
            return text and _table(stores, next(known, searched.get(text, {})), name, text, folder)

        return moved(given[name], place)

    return {name: restored(name) for name in given}


def _table(stores: list[Store], known: Entry, name: str, value: str, folder: Path) -> str:
    """Say where a table is as it was: a copy of what the store keeps, or the place it was given then."""
    from workbench.experiment import objects

    for store in stores:
        if "name" in known and objects.is_whole(store, known["digest"], known["size"]):
            kept = objects.place(store, known["digest"])
            return str(fetched.keep_copy(RunFolder(folder), value, known["name"], kept, known["digest"]))
    if "://" in value or value.startswith("example:"):
        return value
    remedy = f"Say where it is now: -p {name}=FILE."
    if not Path(value).is_file():
        raise BadTable(value, "is not there any more, and the store keeps no copy of it", remedy)
    if known.get("digest") not in (None, _digest(value, remedy)):
        raise BadTable(value, "is not what it was then, and the store keeps no copy of that", remedy)
    return value


def _digest(file: str, remedy: str) -> str:
    try:
        return digest(Path(file))
    except OSError as error:
        raise BadTable(file, f"cannot be read ({error.strerror}), and the store keeps no copy of it", remedy) from error
