"""A model folder loads anywhere, says the same to the last digit, and refuses what is damaged or foreign."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import BaseEstimator

from workbench import estimators
from workbench.documents import bundle_loader
from workbench.documents.bundle import check_golden, load_model, write_model
from workbench.errors import BadArtifact, BadTable
from workbench.estimators.rounds import Boosted

LEARNERS = [
    "lightgbm",
    "trees",
    "linear",
    "logarithm",
    "unit",
    "catboost",
    "neighbours",
    "network",
    "prepared",
    "chosen",
]


@pytest.fixture(scope="module")
def written(fitted: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("written") / "model", fitted("trees"))


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A model folder with a forest in it; a copy, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "model"))


def write(folder: Path, made: Any) -> Path:
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    return folder


def package(folder: Path) -> str:
    return bundle_loader.package_of(folder).name


@pytest.mark.parametrize("regression", [False, True], ids=["classes", "numbers"])
@pytest.mark.parametrize("learners", LEARNERS)
def test_a_model_comes_back_the_same_to_the_last_digit(
    fitted: Callable[..., Any], tmp_path: Path, learners: str, regression: bool
) -> None:
    made = fitted(learners, regression=regression, sure=True)
    model = load_model(write(tmp_path / "model", made))
    assert type(model.estimator) is not type(made.model)
    assert (model.classes_, model.features_) == (made.model.classes_, made.model.features_)
    assert np.array_equal(model.predict(made.raw), made.model.predict(made.raw))
    if not regression:
        assert np.array_equal(model.predict_proba(made.raw), made.model.predict_proba(made.raw))
    assert check_golden(tmp_path / "model").difference == 0


def test_every_class_a_model_can_be_made_of_is_among_those_tried(fitted: Callable[..., Any], tmp_path: Path) -> None:
    """A class that is added to the estimators must be given a place in the fixture `fitted`.

    But for `Boosted`, of which there are only kinds.
    """
    names = [found.name for found in pkgutil.iter_modules(estimators.__path__)]
    modules = [import_module(f"{estimators.__name__}.{name}") for name in names]
    classes = {
        f"{module.__name__.removeprefix(estimators.__name__)}.{name}"
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, BaseEstimator) and kind.__module__ == module.__name__ and kind is not Boosted
    }
    folders = [
        write(tmp_path / f"{regression}", fitted(" ".join(LEARNERS), regression=regression, sure=True))
        for regression in (False, True)
    ]
    stored = set().union(*map(types_in, folders))
    assert {f"{package(folders[0])}{name}" for name in classes} <= stored
    assert not any(name.startswith("workbench") for name in stored)


def types_in(folder: Path) -> set[str]:
    waiting, found = [skops_schema(folder)], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and isinstance(node.get("__module__"), str):
            found.add(f"{node['__module__']}.{node['__class__']}")
        waiting.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    return found


def skops_schema(folder: Path) -> dict[str, Any]:
    with zipfile.ZipFile(folder / "model.skops") as archive:
        return json.loads(archive.read("schema.json"))


def rewrite(folder: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the members of a model file."""
    with zipfile.ZipFile(folder / "model.skops") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(folder / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_the_same_model_gives_the_same_bytes(fitted: Callable[..., Any], tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", fitted()), write(tmp_path / "other", fitted())
    assert (one / "model.skops").read_bytes() == (other / "model.skops").read_bytes()
    assert package(one) == package(other)


def test_only_what_the_model_needs_is_required(fitted: Callable[..., Any], tmp_path: Path) -> None:
    requirements = (write(tmp_path / "trees", fitted("trees")) / "requirements.txt").read_text().splitlines()
    assert [line.partition("==")[0] for line in requirements] == ["numpy", "pandas", "scikit-learn", "scipy", "skops"]
    requirements = (write(tmp_path / "boosted", fitted("lightgbm")) / "requirements.txt").read_text()
    assert requirements.startswith("lightgbm==")
    assert (tmp_path / "boosted" / "conda.yaml").read_text().count("-r requirements.txt") == 1


def test_mlflow_is_told_which_columns_may_be_left_out(folder: Path) -> None:
    document = yaml.safe_load((folder / "MLmodel").read_text())
    flavor = document["flavors"]["python_function"]
    assert flavor["loader_module"] == f"{package(folder)}.loader"
    inputs = json.loads(document["signature"]["inputs"])
    assert {"type": "long", "name": "tenure", "required": True} in inputs
    assert {"type": "double", "name": "charges", "required": False} in inputs
    outputs = [column["name"] for column in json.loads(document["signature"]["outputs"])]
    assert outputs == ["prediction", "probability_No", "probability_Yes"]


def test_two_versions_live_in_one_process(fitted: Callable[..., Any], tmp_path: Path) -> None:
    """A folder from a workbench whose estimators differ, here in their weights' sum, keeps its own classes."""
    made = fitted("trees")
    new = write(tmp_path / "new", made)
    old = aged(write(tmp_path / "old", made))
    now, then = load_model(new), load_model(old)
    assert package(new) != package(old)
    assert type(now.estimator).__module__.startswith(package(new))
    assert type(then.estimator).__module__.startswith(package(old))
    assert np.allclose(now.predict_proba(made.raw), 2 * then.predict_proba(made.raw))


def aged(folder: Path) -> Path:
    """Turn a model folder into one that an older workbench wrote, whose ensembles gave half of everything."""
    code = bundle_loader.package_of(folder)
    source = (code / "ensemble.py").read_text().replace("average = reduce(", "average = 0.5 * reduce(")
    (code / "ensemble.py").write_text(source)
    name = bundle_loader.name_of(bundle_loader.read_sources(code))
    code.rename(code.parent / name)

    def renamed(members: dict[str, bytes]) -> None:
        members["schema.json"] = members["schema.json"].replace(code.name.encode(), name.encode())

    rewrite(folder, renamed)
    return folder


def test_loading_leaves_the_folder_and_the_path_alone(folder: Path, tmp_path: Path) -> None:
    """Seen from a fresh process, where nothing was imported before."""
    before = sorted(folder.rglob("*"))
    code = (
        "import sys; from pathlib import Path; from workbench.documents.bundle import load_model\n"
        f"before = list(sys.path); load_model(Path({str(folder)!r})); assert sys.path == before\n"
        f"assert {package(folder)!r} in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert sorted(folder.rglob("*")) == before


def test_writing_again_replaces_the_folder(fitted: Callable[..., Any], folder: Path) -> None:
    write(folder, fitted("linear"))
    assert not any(name.endswith(".RandomTrees") for name in types_in(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_model_that_cannot_be_stored_leaves_nothing(fitted: Callable[..., Any], tmp_path: Path) -> None:
    class Foreign(BaseEstimator):
        features_ = ("tenure",)

        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return np.zeros(len(frame))

    made = fitted("trees")
    with pytest.raises(BadArtifact, match=r"cannot be stored: it holds .*Foreign"):
        write_model(tmp_path / "model", Foreign(), schema=made.schema, golden=made.raw)
    assert list(tmp_path.iterdir()) == []


def test_typed_rows_can_be_golden_too(fitted: Callable[..., Any], tmp_path: Path) -> None:
    made = fitted("trees")
    typed = made.raw.assign(
        tenure=made.raw["tenure"].astype("Int64"),
        charges=pd.to_numeric(made.raw["charges"]),
        joined=pd.to_datetime(made.raw["joined"], format="%d/%m/%Y"),
        contract=made.raw["contract"].astype("category"),
    )
    write_model(tmp_path / "model", made.model, schema=made.schema, golden=typed.iloc[[0, 1, 29]])
    golden = json.loads((tmp_path / "model" / "golden.json").read_text())
    said = pd.DataFrame(golden["predictions"]["data"], columns=golden["predictions"]["columns"])
    assert said["probability_Yes"].tolist() == made.model.predict_proba(made.raw.iloc[[0, 1, 29]])[:, 1].tolist()


def swapped_type(members: dict[str, bytes], old: str, new: tuple[str, str]) -> None:
    document = json.loads(members["schema.json"])
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and node.get("__class__") == old:
            node["__module__"], node["__class__"] = new
        waiting.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    members["schema.json"] = json.dumps(document).encode()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "no model folder"),
    "no model file": (lambda f: (f / "model.skops").unlink(), "no model folder"),
    "no code": (lambda f: shutil.rmtree(f / "code"), "no model folder"),
    "source changed": (lambda f: append(f, "model.py", b"\nx = 1\n"), "changed since it was written"),
    "source added": (lambda f: append(f, "more.py", b"x = 1\n"), "changed since it was written"),
    "model file cut": (lambda f: cut(f / "model.skops"), "cannot be read"),
    "a pickle for a model": (lambda f: (f / "model.skops").write_bytes(b"\x80\x04K\x01."), "cannot be read"),
    "one bit flipped": (lambda f: flip(f / "model.skops"), "cannot be read"),
    "a type of its own": (
        lambda f: rewrite(f, lambda m: swapped_type(m, "Coercer", ("os", "_Environ"))),
        r"not allowed: \['os._Environ'\]",
    ),
    "what our source imports": (
        lambda f: rewrite(f, lambda m: swapped_type(m, "Coercer", (f"{package(f)}.coerce", "Path"))),
        "not allowed",
    ),
    "nested without end": (
        lambda f: rewrite(f, lambda m: m.update({"schema.json": b'{"protocol": 2, "a": ' * 1 + b"[" * 100_000})),
        "as no model is|cannot be read",
    ),
    "a bomb": (lambda f: rewrite(f, lambda m: m.update({"bomb.npy": bytes(80 << 20)})), "beyond every measure"),
}


def append(folder: Path, name: str, content: bytes) -> None:
    with (bundle_loader.package_of(folder) / name).open("ab") as file:
        file.write(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line(folder: Path, damage: str) -> None:
    harm, told = DAMAGES[damage]
    harm(folder)
    with pytest.raises(BadArtifact, match=told) as error:
        load_model(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_other_golden_predictions_show(folder: Path) -> None:
    document = json.loads((folder / "golden.json").read_text())
    document["predictions"]["data"][0][1] += 1e-3
    (folder / "golden.json").write_text(json.dumps(document))
    assert not check_golden(folder).holds
    document["predictions"]["data"][0][0] = "Perhaps"
    (folder / "golden.json").write_text(json.dumps(document))
    with pytest.raises(BadArtifact, match="another label"):
        check_golden(folder)
    (folder / "golden.json").unlink()
    with pytest.raises(BadArtifact, match="no golden predictions"):
        check_golden(folder)


def test_missing_columns_are_all_named(fitted: Callable[..., Any], folder: Path) -> None:
    raw = fitted("trees").raw
    with pytest.raises(BadTable, match="lacks columns the model needs: 'tenure', 'charges'"):
        load_model(folder).predict(raw.drop(columns=["tenure", "charges"]))


def test_columns_come_in_any_order_beside_any_others(fitted: Callable[..., Any], folder: Path) -> None:
    raw = fitted("trees").raw.head(20)
    model = load_model(folder)
    said = model.predict_proba(raw)
    beside = raw[raw.columns[::-1]].assign(more=1)
    beside[7] = "a name that is no text"
    twice = pd.concat([beside, beside[["more"]]], axis=1)
    for frame in (beside, twice):
        before = frame.copy(deep=True)
        assert np.array_equal(model.predict_proba(frame), said)
        assert np.array_equal(model.predict_proba(frame.head(1)), said[:1])
        assert model.table(frame).index.equals(frame.index)
        pd.testing.assert_frame_equal(frame, before)


def test_a_needed_column_that_stands_there_twice_is_named(fitted: Callable[..., Any], folder: Path) -> None:
    raw = fitted("trees").raw.head(2)
    model = load_model(folder)
    with pytest.raises(BadTable, match=r"more than one column named .charges."):
        model.predict(pd.concat([raw, raw[["charges"]]], axis=1))
    with pytest.raises(BadTable, match=r"lacks columns the model needs: .tenure., "):
        model.predict(pd.concat({"of": raw}, axis=1))


BARE = """
import importlib.util, json, pathlib, sys
sys.path.insert(0, sys.argv[1] + "/code")
for name in ("workbench", "optuna", "papermill", "jupyter_core", "nbformat"):
    assert importlib.util.find_spec(name) is None, name
import {package}.loader as loader
import pandas as pd
golden = json.loads(pathlib.Path(sys.argv[1], "golden.json").read_text())
frame = pd.DataFrame(golden["rows"]["data"], columns=golden["rows"]["columns"], dtype=object)
model = loader.load(sys.argv[1])
said = loader.predictions(model, frame)
assert said.values.tolist() == golden["predictions"]["data"], said
assert loader._load_pyfunc(sys.argv[1]).predict(frame.drop(columns="charges")).shape == said.shape
"""


@pytest.mark.slow
def test_it_predicts_the_same_in_an_environment_of_its_own(fitted: Callable[..., Any], tmp_path: Path) -> None:
    """Nothing is installed there but what its requirements.txt names."""
    folder, made = tmp_path / "with a space" / "model", fitted()
    write(folder, made)
    python = environment(tmp_path / "environment", folder / "requirements.txt")
    script = tmp_path / "bare.py"
    script.write_text(BARE.format(package=package(folder)))
    run([python, "-I", "-W", "error", script, folder])

    rows, out = tmp_path / "rows.csv", tmp_path / "predictions.csv"
    made.raw.to_csv(rows, index=False)
    code = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder / "code"), "PYTHONDONTWRITEBYTECODE": "1"}
    run([python, "-m", f"{package(folder)}.loader", rows, out], env=code)
    said = pd.read_csv(out, dtype=str)
    assert list(map(float, said["probability_Yes"])) == made.model.predict_proba(made.raw)[:, 1].tolist()


def environment(folder: Path, requirements: Path) -> Path:
    """Make a virtual environment, from the cache when it has everything, else from the network."""
    uv, python = Path(sys.executable).parent / "uv", folder / "bin" / "python"
    run([uv, "venv", "--quiet", "--python", sys.executable, folder])
    install = [uv, "pip", "install", "--quiet", "--python", python, "-r", requirements]
    offline = subprocess.run([*install, "--offline"], capture_output=True, check=False)
    if offline.returncode:
        run(install)
    return python


def run(command: list[Any], **options: Any) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
