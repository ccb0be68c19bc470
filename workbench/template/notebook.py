"""Notebooks as plain JSON: reading one, its cells' tags and sources, its language. Light: no nbformat."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadTemplate

PARAMETERS = "parameters"
INJECTED = "injected-parameters"


def load(path: Path) -> dict[str, Any]:
    """Read a notebook of format 4.

    Raises
    ------
    BadTemplate
        If there is no such file, or it is not a notebook, or one of another format.
    """
    if not os.path.exists(path):  # noqa: PTH110 -- Path.exists fails for a name that is too long
        raise BadTemplate(str(path), "does not exist", "`workbench templates` lists the gallery.")
    if not path.is_file():  # reading a FIFO would wait forever
        raise BadTemplate(str(path), "is a folder" if path.is_dir() else "is not a file", "Name an .ipynb file.")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadTemplate(str(path), f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadTemplate(str(path), "is not a notebook: it is not JSON", "Name an .ipynb file.") from error
    return _checked(notebook, str(path))


def _checked(notebook: Any, name: str) -> dict[str, Any]:
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise BadTemplate(name, "is JSON, but not a notebook", "Name an .ipynb file.")
    if notebook["nbformat"] != 4:
        found = notebook["nbformat"]
        raise BadTemplate(name, f"is a notebook of format {found}, not 4", "Open it in JupyterLab and save it.")
    cells = notebook.get("cells")
    whole = isinstance(notebook.setdefault("metadata", {}), dict)
    if not whole or not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise BadTemplate(name, "is a damaged notebook: its cells cannot be read", "Open it in JupyterLab and save it.")
    for cell in cells:
        cell["source"] = source(cell)
        cell.setdefault("metadata", {})
    return notebook


def _is_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    text, metadata = cell.get("source"), cell.get("metadata", {})
    lines = isinstance(text, list) and all(isinstance(line, str) for line in text)
    return (isinstance(text, str) or lines) and isinstance(metadata, dict)


def source(cell: Mapping[str, Any]) -> str:
    """Join the text of a cell; files may store it as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def has_tag(cell: Mapping[str, Any], tag: str) -> bool:
    """Whether a code cell bears a tag; many cells have no list of tags at all."""
    tags = cell.get("metadata", {}).get("tags")
    return cell.get("cell_type") == "code" and isinstance(tags, list) and tag in tags


def is_python(notebook: Mapping[str, Any]) -> bool:
    """Whether the notebook's language is Python; one that does not say is taken to be."""
    metadata = notebook.get("metadata", {})
    told = [(metadata.get("language_info"), "name"), (metadata.get("kernelspec"), "language")]
    languages = [str(place[key]) for place, key in told if isinstance(place, dict) and place.get(key)]
    language = next(iter(languages), "python")
    return language.lower().startswith(("python", "ipython"))
