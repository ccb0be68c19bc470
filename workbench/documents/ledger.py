"""The ledger of a model: what became live, or was refused, when, by whom and on which verdicts.

One file per entry, ``models/<name>/ledger/000001.json``, put in place whole and never replaced. Each names the SHA-256
of the file before it (``sha256sum`` gives the same), and seals its own fields; so a change, a gap or a swap shows.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.documents.bundle_manifest import read_bundle_manifest
from workbench.documents.experiment import NAME, VERSION, seal
from workbench.documents.files import FORMAT, digest, insist_on_format, read_json, write_json
from workbench.errors import BadArtifact, BadReference, StoreError, UnknownName
from workbench.records import Verdict

FILE = re.compile(r"\d{6}\.json", re.ASCII)
Stage = Literal["live", "refused"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision about a model. `bundle` is the version it made, empty when the experiment was refused.

    `bundle_digest` seals the bundle's manifest, and through it every file of the bundle. `time` is ISO 8601 in UTC.
    """

    model: str
    stage: Stage
    time: str
    author: str
    experiment: str
    verdicts: tuple[Verdict, ...]
    bundle: str = ""
    bundle_digest: str = ""
    number: int = 0
    previous: str | None = None


def read_ledger(store: Path, model: str) -> list[Entry]:
    """Read every entry of a model's ledger, oldest first; none when the model was never promoted.

    Raises
    ------
    BadArtifact
        If an entry is missing, damaged, or was changed after it was written.
    """
    entries: list[Entry] = []
    previous = None
    for number, file in enumerate(_files(_folder(store, model)), start=1):
        document = _read(file)
        if (document["number"], file.stem) != (number, f"{number:06d}"):
            raise BadArtifact(str(file), f"stands where entry {number} of the ledger belongs: one is missing or moved")
        if document["previous"] != previous or document["model"] != model:
            raise BadArtifact(str(file), "does not follow the entry before it: the ledger was changed")
        entries.append(_entry(document))
        previous = digest(file)
    return entries


def append(store: Path, entry: Entry, after: Sequence[Entry]) -> Entry:
    """Add one entry after those that were read; give it back with its number.

    Raises
    ------
    FileExistsError
        If someone else added one since: read again, and judge again.
    """
    folder = _folder(store, entry.model)
    number = len(after) + 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        previous = digest(folder / f"{number - 1:06d}.json") if after else None
    except OSError as error:
        raise _unwritable(store, error) from error
    document = {"format": FORMAT, **asdict(entry), "number": number, "previous": previous}
    try:
        _put(folder / f"{number:06d}.json", document | {"digest": seal(document)})
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(store, error) from error
    return Entry(**asdict(entry) | {"verdicts": entry.verdicts, "number": number, "previous": previous})


def live(entries: Sequence[Entry]) -> Entry | None:
    """Find what is live now."""
    return next((entry for entry in reversed(entries) if entry.stage == "live"), None)


def models(store: Path) -> list[str]:
    """List the models that have a ledger, in order of name."""
    try:
        return sorted(path.parent.name for path in (store / "models").glob("*/ledger") if path.is_dir())
    except OSError as error:
        raise StoreError(str(store), f"cannot be read: {error.strerror or error}") from error


def bundle_folder(store: Path, model: str, version: str) -> Path:
    """Name the folder of one bundle."""
    return store / "models" / model / "bundles" / version


def bundle_of(store: Path, entry: Entry) -> Path:
    """Find the bundle an entry made live, and make sure that it is that one.

    Raises
    ------
    BadArtifact
        If it is gone, or another one stands in its place.
    """
    folder = bundle_folder(store, entry.model, entry.bundle)
    if read_bundle_manifest(folder)["digest"] != entry.bundle_digest:
        raise BadArtifact(str(folder), f"is not the bundle that entry {entry.number} of the ledger made live")
    return folder


def find_bundle(store: Path, reference: str) -> Path:
    """Find the bundle a reference names: ``model:churn/live``, ``churn``, or ``model:churn/<start of a version>``.

    Raises
    ------
    UnknownName, BadReference
        If there is no such model, nothing of it is live, or no bundle or several have that version.
    """
    model, _, which = reference.removeprefix("model:").partition("/")
    if model not in (known := models(store)):
        raise UnknownName("model", model, known)
    entries = read_ledger(store, model)
    entry = live(entries) if which in ("", "live") else _version(reference, which, entries)
    if entry is None:
        raise BadReference(reference, "names a model of which nothing is live", "Promote an experiment to it first.")
    return bundle_of(store, entry)


def _version(reference: str, which: str, entries: Sequence[Entry]) -> Entry:
    known = {entry.bundle: entry for entry in entries if entry.bundle}
    found = [name for name in known if name.startswith(which) or name.rpartition("-")[2].startswith(which)]
    if len(found) == 1:
        return known[found[0]]
    versions = ", ".join(sorted(found or known)) or "none yet"
    raise BadReference(reference, f"names {len(found) or 'none'} of the model's bundles", f"They are: {versions}.")


def _folder(store: Path, model: str) -> Path:
    if not NAME.fullmatch(model):
        raise BadReference(
            model, "is no name for a model", "Use small letters, digits, '.', '_' and '-', a letter or digit first."
        )
    return store / "models" / model / "ledger"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if FILE.fullmatch(path.name))


def _read(file: Path) -> dict[str, Any]:
    try:
        document = read_json(file)
    except (OSError, ValueError, RecursionError) as error:
        raise BadArtifact(str(file), f"cannot be read as an entry of a ledger ({error})") from error
    if not isinstance(document, dict):
        raise BadArtifact(str(file), "is no ledger entry: it is no JSON object")
    insist_on_format(document.get("format"), str(file), "is a ledger entry")
    if document.get("digest") != seal(document) or not set(Entry.__slots__) <= set(document):
        raise BadArtifact(str(file), "was changed after it was written")
    if document["bundle"] and not VERSION.fullmatch(document["bundle"]):
        raise BadArtifact(str(file), f"names a bundle {document['bundle']!r}, which is no version")
    return document


def _entry(document: dict[str, Any]) -> Entry:
    verdicts = tuple(Verdict(one["name"], one["passed"], one["because"]) for one in document["verdicts"])
    return Entry(**{name: document[name] for name in Entry.__slots__} | {"verdicts": verdicts})


def _put(file: Path, document: dict[str, Any]) -> None:
    """Put a file in place whole, or fail when there is one already: a link does both at once."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(handle)
    part = Path(name)
    try:
        write_json(part, document)
        try:
            file.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a file system without links (exFAT, some shares): exclusive still, if not in one step
            with file.open("xb") as whole:
                whole.write(part.read_bytes())
    finally:
        part.unlink(missing_ok=True)


def _unwritable(store: Path, error: OSError) -> StoreError:
    return StoreError(str(store), f"cannot be written: {error.strerror or error}")
