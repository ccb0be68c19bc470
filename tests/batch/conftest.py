"""Tiny templates, specs and tables, and the batches made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

PARAMETERS = "farm: str = 'none'\nn: int = 1\nbreaks: bool = False\nseconds: float = 0.0"
CODE = """
import os, pathlib, time
with open(pathlib.Path(os.environ["MARKS"]) / f"{farm}-{n}", "a") as file:
    file.write("x")
end = time.monotonic() + seconds
while time.monotonic() < end and not (pathlib.Path(os.environ["MARKS"]).parent / "go").exists():
    time.sleep(0.02)
assert not breaks, f"farm {farm} is broken"
pathlib.Path("square.txt").write_text(str(n * n))
"""


def template_of(parameters: str = PARAMETERS, code: str = CODE) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
    return nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell(code, id="work")])


class Place:
    """A folder with a template `tiny.ipynb`, a store, and the marks that runs leave when their work begins.

    A run may be told to take some `seconds`; it ends earlier once there is a file `go`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.marks = folder, folder / "store", folder / "marks"
        self.marks.mkdir()
        self.template("tiny.ipynb")

    def template(self, name: str, parameters: str = PARAMETERS, code: str = CODE) -> Path:
        nbformat.write(template_of(parameters, code), self.folder / name)
        return self.folder / name

    def spec(self, called: str = "farms.yaml", /, **said: Any) -> Path:
        file = self.folder / called
        file.write_text(yaml.safe_dump({"template": "tiny.ipynb", **said}, sort_keys=False))
        return file

    def table(self, text: str, name: str = "farms.csv") -> str:
        (self.folder / name).write_text(text)
        return name

    def worked(self) -> dict[str, int]:
        """How often each work was begun."""
        return {mark.name: len(mark.read_text()) for mark in sorted(self.marks.iterdir())}

    def kept(self, kind: str = "run") -> list[Any]:
        from workbench import workflow

        return [one for one in workflow.experiments(store=self.store) if one.manifest["kind"] == kind]

    def children(self, batch: Any) -> list[str]:
        return json.loads((batch.path / "manifest.json").read_text())["children"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder = tmp_path / "with a space"
    folder.mkdir()
    made = Place(folder)
    monkeypatch.setenv("MARKS", str(made.marks))
    return made


@pytest.fixture
def batch(place: Place) -> Callable[..., Any]:
    """Run a batch of this spec, two at a time."""
    from workbench import workflow

    def run(spec: Any, **options: Any) -> Any:
        return workflow.batch(spec, **{"workers": 2, "store": place.store, **options})

    return run
