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


PREPARE = "farm: str = 'none'\nn: int = 1\nbreaks: bool = False"
TRAIN = "from workbench import Table\ndata: Table = 'none.csv'\ntimes: int = 2\nseconds: float = 0.0"
REPORT = "model: str = ''\nref: str = ''\nfarm: str = 'none'"
TELL = "status: str = ''\nreason: str = ''\nkept: str = ''\nfarm: str = 'none'"
MARK = """
import os, pathlib, time
def mark(text):
    with open(pathlib.Path(os.environ["MARKS"]) / text, "a") as file:
        file.write("x")
"""
STEPS = {
    "prepare": {"template": "prepare.ipynb"},
    "train": {"template": "train.ipynb", "parameters": {"data": "{prepare.outputs}/clean.csv"}},
    "report": {"template": "report.ipynb", "parameters": {"model": "{train.path}", "ref": "{train.ref}"}},
}
HOOK = {
    "template": "tell.ipynb",
    "when": "failed",
    "parameters": {"status": "{prepare.status}", "reason": "{prepare.reason}", "kept": "{prepare.ref}"},
}


@pytest.fixture
def line(place: Any) -> Any:
    """A place with the templates of a pipeline: what is prepared is a table, which is trained on, which is reported."""
    place.template(
        "prepare.ipynb",
        PREPARE,
        f"{MARK}\nmark(f'prepare-{{farm}}')\nassert not breaks, f'farm {{farm}} is broken'\n"
        "pathlib.Path('clean.csv').write_text(f'farm,n\\n{farm},{n}\\n')",
    )
    place.template(
        "train.ipynb",
        TRAIN,
        f"{MARK}\nfarm, n = pathlib.Path(data).read_text().splitlines()[1].split(',')\nmark(f'train-{{farm}}')\n"
        "time.sleep(seconds)\npathlib.Path('model.txt').write_text(str(int(n) * times))",
    )
    place.template(
        "report.ipynb",
        REPORT,
        f"{MARK}\nmark(f'report-{{farm}}')\nfound = pathlib.Path(model, 'outputs', 'model.txt').read_text()\n"
        "pathlib.Path('said.txt').write_text(f'{ref} found {found}')",
    )
    place.template(
        "tell.ipynb",
        TELL,
        f"{MARK}\nmark(f'tell-{{farm}}')\n"
        "pathlib.Path('said.txt').write_text(f'{farm}: {status} {kept} {reason}')",
    )
    place.steps, place.hook = STEPS, HOOK
    return place
