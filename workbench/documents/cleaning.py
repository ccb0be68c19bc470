"""The files of a run cleaned of secrets, in place: texts are written anew, what cannot be changed is left out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workbench.documents.files import write_bytes, writing
from workbench.documents.inside import Unreadable, secrets_inside
from workbench.documents.redaction import Redactor
from workbench.documents.run_folder import RunFolder, RunRecord

BLOCK = 2**24  # bytes of text at a time
LARGEST_DOCUMENT = 2**28  # bytes of JSON that is read as such; beyond that, it is text


def clean(folder: RunFolder) -> RunRecord:
    """Take secrets out of all that a run left, once its kernel is gone, and note in its record what was left out.

    Texts (JSON, notebooks, CSV, logs) are written anew without them. Any other file that holds one, compressed or
    not, is removed, and so is one that cannot be looked into; of a run without secrets, such files stay as they are.
    Where the values are not known any more, for the runner was killed, what it has not written itself is removed.
    """
    record = folder.read()
    if record.is_clean:
        return record
    forgotten = set(record.secrets or ()) - set(folder.redactor.names)
    left_out = _forget(folder) if forgotten else {}
    for path in list(_files_of(folder)):
        name = _kept_as(path, folder)
        why = _named(name, folder.redactor) or _cleaned(path, folder.redactor)
        if why:
            path.unlink()
            left_out[folder.redactor.text(name)] = why
    if not left_out and not record.secrets:
        return record  # a second look finds the same
    return folder.update(is_clean=True, left_out=left_out)


def _forget(folder: RunFolder) -> dict[str, str]:
    """Remove what may hold a secret; what the runner wrote is clean, and so are events and errors of the kernel."""
    known = {folder.template, folder.notebook, folder.parameters, folder.parameters_schema, folder.events, folder.error}
    unknown = [path for path in _files_of(folder) if path not in known]
    for path in unknown:
        path.unlink()
    why = "the run was killed, and whether this file holds the secret it was given cannot be told"
    return {_kept_as(path, folder): why for path in unknown}


def _kept_as(path: Path, folder: RunFolder) -> str:
    return path.relative_to(folder.path).as_posix().removeprefix("outbox/")


def _files_of(folder: RunFolder) -> Iterator[Path]:
    """List the regular files of a run that become its experiment's."""
    alone = (folder.template, folder.notebook, folder.parameters, folder.parameters_schema)
    told = (folder.error, folder.events, folder.kernel_log)
    yield from (path for path in (*alone, *told) if path.is_file() and not path.is_symlink())
    for place in (folder.outbox, folder.outputs):
        for parent, _, names in os.walk(place):
            paths = (Path(parent, name) for name in names)
            yield from (path for path in paths if path.is_file() and not path.is_symlink())


def _named(name: str, redactor: Redactor) -> str | None:
    return None if redactor.text(name) == name else "its name holds a secret"


def _cleaned(path: Path, redactor: Redactor) -> str | None:
    """Clean one file; say why, when it has to be left out."""
    if not os.access(path, os.R_OK):
        return None  # `capture` leaves it out, and says so
    encoding = _encoding(path)
    if encoding is None:
        return _judged(path, redactor) if redactor.names else None
    try:
        _rewrite(path, encoding, redactor)
    except UnicodeDecodeError:
        return _judged(path, redactor) if redactor.names else None
    return None


def _encoding(path: Path) -> str | None:
    """Tell how a file of text is encoded; None for any other file."""
    with path.open("rb") as file:
        head = file.read(BLOCK)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return None if b"\0" in head or head.startswith(b"%PDF") else "utf-8"


def _judged(path: Path, redactor: Redactor) -> str | None:
    try:
        with path.open("rb") as file:
            found = secrets_inside(file, redactor)
    except Unreadable as error:
        return f"the run was given a secret, and whether this file holds it cannot be told: {error}"
    return f"it holds the secret {min(found)!r}, which cannot be taken out of a file of its kind" if found else None


def _rewrite(path: Path, encoding: str, redactor: Redactor) -> None:
    if path.stat().st_size > LARGEST_DOCUMENT:
        _rewrite_by_lines(path, encoding, redactor)
        return
    text = path.read_bytes().decode(encoding)  # not read_text, which would change the ends of lines
    clean_text = _taker(path, redactor)(text)
    if clean_text != text:
        write_bytes(path, clean_text.encode(encoding))


def _rewrite_by_lines(path: Path, encoding: str, redactor: Redactor) -> None:
    with (
        path.open(encoding=encoding, newline="") as old,
        writing(path) as part,
        part.open("w", encoding=encoding, newline="") as new,
    ):
        while lines := old.readlines(BLOCK):
            new.write(redactor.text("".join(lines)))


def _taker(path: Path, redactor: Redactor) -> Callable[[str], str]:
    match path.suffix.lower():
        case ".ipynb":
            return lambda text: _json(text, redactor, redactor.notebook, indent=1)
        case ".json":
            return lambda text: _json(text, redactor, redactor.document, indent=2)
        case ".jsonl":
            return lambda text: "\n".join(_json(line, redactor, redactor.document) for line in text.split("\n"))
    return redactor.text


def _json(text: str, redactor: Redactor, take_out: Callable[[Any], Any], indent: int | None = None) -> str:
    """Clean JSON part by part, so that it stays JSON; what is none is a text like any other."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
        told = take_out(document)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return redactor.text(text)
    if told == document:
        return text
    return json.dumps(told, indent=indent, ensure_ascii=False) + text[len(text.rstrip()) :]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice, and only its last value would be looked at")
    return found
