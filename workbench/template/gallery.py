"""The gallery: templates by name, in team folders and shipped with the workbench, or any notebook by its path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadTemplate, UnknownName, WorkbenchError
from workbench.template.composite import holds
from workbench.template.notebook import load, source
from workbench.template.parameter import Parameter, read_parameters

VARIABLE = "WORKBENCH_TEMPLATES"


@dataclass(frozen=True, slots=True)
class Template:
    """A notebook that can be run with parameters. `problem` says why one in the gallery cannot."""

    name: str
    path: Path
    title: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    task: str | None = None
    problem: str = ""

    def named(self, *kinds: type) -> list[str]:
        """Names of the parameters that are, or are made of, one of the `kinds`, in the order of the cell."""
        return [one.name for one in self.parameters if any(holds(one.type, kind) for kind in kinds)]

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the workbench, and is not the user's own."""
        return self.path.resolve().parent == _shipped_folder()


def find(name_or_path: str | Path) -> Template:
    """Find a template by its name in the gallery or by the path of a notebook, and read it.

    Raises
    ------
    UnknownName
        If the gallery has no such name.
    BadTemplate
        If the file is missing, is no notebook, or has a parameters cell with mistakes.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or os.sep in text or text.endswith(".ipynb"):
        return read(Path(os.path.expanduser(text)))  # noqa: PTH111 -- Path's own fails for a user who does not exist
    places = dict(_places())
    if text in places:
        return read(places[text])
    if Path(text).is_file():
        return read(Path(text))
    raise UnknownName("template", text, places)


def read(path: Path) -> Template:
    """Read one notebook as a template.

    Raises
    ------
    BadTemplate
        If it cannot be read as one.
    """
    notebook = load(path)
    said = notebook["metadata"].get("workbench")
    said = said if isinstance(said, dict) else {}
    heading, paragraph = _opening(notebook)
    return Template(
        name=path.stem,
        path=Path(os.path.abspath(path)),  # noqa: PTH100 -- resolve() would follow links, and change the name
        title=str(said.get("title") or heading or path.stem),
        description=str(said.get("description") or paragraph),
        parameters=read_parameters(notebook, str(path)),
        task=str(said["task"]) if said.get("task") else None,
    )


def gallery() -> list[Template]:
    """List every template that has a name, sorted; of two with one name the first found. Broken ones say why."""
    return [_read_or_tell(name, path) for name, path in sorted(dict(_places()).items())]


def copy(name: str | Path, to_dir: Path) -> Path:
    """Copy a template to a folder, to be edited there; nothing is overwritten.

    Raises
    ------
    UnknownName, BadTemplate
        If there is no such template, the folder has a file of its name, or cannot be written.
    """
    template = find(name)
    target = to_dir / template.path.name
    try:
        with target.open("xb") as file:
            file.write(template.path.read_bytes())
    except FileExistsError:
        raise BadTemplate(str(target), "is already there", "Rename or move it first.") from None
    except OSError as error:
        raise BadTemplate(str(target), f"cannot be written: {error.strerror}") from error
    return target


def _places() -> Iterator[tuple[str, Path]]:
    """Names and files of the gallery, what wins last: `dict` keeps the last."""
    team = [Path(folder).expanduser() for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    for folder in (_shipped_folder(), *reversed(team)):
        yield from _notebooks_in(folder)


def _notebooks_in(folder: Path) -> Iterator[tuple[str, Path]]:
    if folder.is_dir():  # a team's share may be away; what is shipped still runs
        yield from ((path.stem, path) for path in folder.glob("*.ipynb") if not path.name.startswith("."))


def _shipped_folder() -> Path:
    package = Path(__file__).resolve().parents[1]
    installed = package / "_templates"  # where the wheel puts them
    return installed if installed.is_dir() else package.parent / "templates"


def _read_or_tell(name: str, path: Path) -> Template:
    try:
        return read(path)
    except WorkbenchError as error:
        return Template(name, path, title=name, problem=str(error))


def _opening(notebook: Mapping[str, Any]) -> tuple[str, str]:
    """Find the first heading of the notebook, and the first paragraph under it."""
    cells = (source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    text = next((text for text in cells if re.search(r"(?m)^#+ +\S", text)), "")
    heading, _, rest = re.sub(r"(?s)^.*?^(?=#)", "", text, count=1, flags=re.MULTILINE).partition("\n")
    paragraph = next((part for part in re.split(r"\n\s*\n", rest.strip()) if part and not part.startswith("#")), "")
    return heading.lstrip("#").strip(), " ".join(paragraph.split())
