"""Tables fetched into a run: their files, and where each came from. The kernel reads these, not the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.documents.files import FORMAT, digest, read_json, write_bytes, write_json
from workbench.documents.run_folder import RunFolder
from workbench.errors import BadTable

FOLDER, INDEX = "data", "fetched.json"


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
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    mark = hashlib.sha256(content).hexdigest()
    path = folder / f"{mark[:12]}-{name}"
    write_bytes(path, content)
    known = read_json(folder / INDEX)["tables"] if (folder / INDEX).exists() else {}
    known[path.name] = {"source": source, "digest": f"sha256:{mark}", "size": len(content)}
    write_json(folder / INDEX, {"format": FORMAT, "tables": known})
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
