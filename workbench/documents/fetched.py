"""Tables of a run as they were when it began: fetched into it, or files whose content the store has kept.

The kernel reads what was fetched, not the network. Of a file it reads what was kept when that has changed since.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.documents.files import FORMAT, digest, read_json, write_bytes, write_json, writing
from workbench.documents.run_folder import RunFolder
from workbench.errors import BadTable

FOLDER, INDEX, GIVEN = "data", "fetched.json", "given.json"
LONGEST = 200  # bytes of a name: with what tells its content, and while it is written, no more than a folder takes


def keep(run: RunFolder, source: str, name: str, content: bytes) -> Path:
    """Put a fetched table into a run; give the path of its file, which is named by its content, too.

    Parameters
    ----------
    run : RunFolder
        The run it is for.
    source : str
        Where it came from, without user and password.
    name : str
        A file name that says what it is.
    content : bytes
        The file.
    """
    mark = hashlib.sha256(content).hexdigest()
    path = _place(run, name, mark)
    write_bytes(path, content)
    return _noted(path, source, mark)


def keep_copy(run: RunFolder, source: str, name: str, file: Path, digest: str) -> Path:
    """Put a copy of a file with a known digest into a run, as `keep` does with content: however large it is."""
    mark = digest.removeprefix("sha256:")
    path = _place(run, name, mark)
    with writing(path) as part:
        shutil.copyfile(file, part)
    return _noted(path, source, mark)


def _place(run: RunFolder, name: str, mark: str) -> Path:
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    end = name.encode("utf-8", "surrogateescape")[-LONGEST:].decode("utf-8", "ignore")
    return folder / f"{mark[:12]}-{end}"


def _noted(path: Path, source: str, mark: str) -> Path:
    index = path.parent / INDEX
    known = read_json(index)["tables"] if index.exists() else {}
    known[path.name] = {"source": source, "digest": f"sha256:{mark}", "size": path.stat().st_size}
    write_json(index, {"format": FORMAT, "tables": known})
    return path.absolute()


def origin(path: Path) -> str | None:
    """Tell where a file of a run was fetched from; None of any other file.

    Raises
    ------
    BadTable
        If the file is no longer what was fetched.
    """
    index = path.parent / INDEX
    if path.parent.name != FOLDER or not index.is_file():
        return None
    known = read_json(index).get("tables", {}).get(path.name)
    if known is None:
        return None
    if digest(path) != known["digest"]:
        raise BadTable(str(path), "is not what was fetched for this run", "Run it again.")
    return str(known["source"])


def note_given(run: RunFolder, tables: Mapping[str, tuple[str, Path]]) -> None:
    """Note in a run what files it was given: by path, the digest of each, and where its content is kept."""
    if tables:
        (run.path / FOLDER).mkdir(exist_ok=True)
        told = {path: {"digest": mark, "kept": str(kept)} for path, (mark, kept) in tables.items()}
        write_json(run.path / FOLDER / GIVEN, {"format": FORMAT, "tables": told})


def as_given(run: RunFolder, path: str) -> tuple[str, Path] | None:
    """Tell what a file held when a run was given it: its digest, and where that is kept; None of any other file."""
    index = run.path / FOLDER / GIVEN
    told = read_json(index)["tables"].get(path) if index.is_file() else None
    return None if told is None else (told["digest"], Path(told["kept"]))
