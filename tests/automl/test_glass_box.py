"""The notebook of a winner, or of any trial, makes the very model again: from the data file, without the workbench."""

import ast
import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from workbench.automl.families import (
    CatBoost,
    ExtraTrees,
    LightGBM,
    LightGBMWithFeatures,
    Neighbours,
    Network,
    RandomForest,
)
from workbench.automl.fitting.whole import OnAllRows
from workbench.automl.glass_box.cells import FITTING
from workbench.automl.glass_box.notebook import notebook, write_notebook
from workbench.automl.glass_box.reading import read_csv, read_parquet
from workbench.automl.glass_box.realised import kinds_of, lean
from workbench.automl.glass_box.recipe import SOURCE, of_trial, of_winner
from workbench.automl.glass_box.source import FUTURE, part_of, pieces, sources_of, with_needed
from workbench.automl.planning.planner import Plan
from workbench.automl.record import record, task_document
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.documents import outbox
from workbench.documents.bundle import load_model
from workbench.documents.run_folder import VARIABLE, RunFolder, RunRecord
from workbench.documents.table import read_schema
from workbench.errors import UnknownName, WorkbenchError

CLOSE = 1e-9
FORBIDDEN = ("workbench", "optuna", "skops", "papermill")
PLAY = """
import json, sys
from importlib.abc import MetaPathFinder

class Forbidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ImportError(f"{name} is not to be imported")

FORBIDDEN = set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Forbidden())
import pandas as pd
played = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile(cell["source"], cell["id"], "exec"), played)
model = played["model"]
rows = pd.read_pickle(sys.argv[3])
said = model.predict_proba(rows) if model.classes_ else model.predict(rows)
labels = model.predict(rows).tolist()
json.dump({"said": said.tolist(), "labels": labels}, open(sys.argv[4], "w"))
"""


def play(notebook: Path, fresh: pd.DataFrame) -> dict:
    """Run a notebook's cells in a process where the workbench cannot be imported, and predict fresh rows."""
    folder = notebook.parent
    rows, answer = folder / "fresh.pkl", folder / "answer.json"
    fresh.to_pickle(rows)
    arguments = [str(notebook), json.dumps(FORBIDDEN), str(rows), str(answer)]
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAY, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(answer.read_text()) | {"printed": done.stdout}


def largest(one: object, other: object) -> float:
    return float(np.abs(np.array(one, dtype=float) - np.array(other, dtype=float)).max())


def farm(rows: int = 150, seed: int = 0) -> pd.DataFrame:
    """A table with codes, gaps, levels, dates, prose, groups, times and weights."""
    random = np.random.default_rng(seed)
    size, wind = random.normal(10, 3, rows).round(3), random.gamma(2, 3, rows).round(2)
    code = random.choice(["01234", "00017", "1234", "0099"], rows)
    colour = random.choice(["red", "green", "blue"], rows)
    worth = 3 * size + wind + 6 * (code == "01234") + 4 * (colour == "red") + random.normal(0, 2, rows)
    days = pd.to_timedelta(np.sort(random.integers(0, 900, rows)), unit="D")
    frame = pd.DataFrame(
        {
            "code": code,
            "size": [f"{value:.3f}".replace(".", ",") for value in size],
            "wind": wind,
            "colour": colour,
            "when": (pd.Timestamp("2021-01-01") + days).strftime("%Y-%m-%d"),
            "town": [f"town {number}" for number in random.integers(0, 30, rows)],
            "farm": [f"F{number:02}" for number in random.integers(0, 12, rows)],
            "counts": random.integers(1, 4, rows),
            "worth": worth.round(2),
            "bought": np.where(worth > np.quantile(worth, 0.6), "yes", "no"),
            "grade": np.array(["low", "mid", "high"])[np.digitize(worth, np.quantile(worth, [0.4, 0.8]))],
        }
    )
    for place, name in enumerate(["code", "size", "wind", "colour", "town"]):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 17 == place)
    for name in ("worth", "bought", "grade"):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 41 == 7)
    return frame


def fresh(seed: int = 5) -> pd.DataFrame:
    """Rows never seen: gaps, unseen levels, unseen codes, columns in another order and one too many."""
    rows = farm(40, seed)
    rows.loc[0:3, "colour"] = ["violet", None, "RED", ""]
    rows.loc[2:5, "code"] = ["98765", "1234", "01234", None]
    rows.loc[4:6, "size"] = ["many", None, "1.000,5"]
    rows.loc[7, "when"] = None
    rows["extra"] = 1
    return rows[sorted(rows.columns, reverse=True)]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Search in a run folder and record the result: ``kept(frame, target, …)`` gives result and outbox."""

    def done(frame, target, *, kind="classification", suffix=".csv", searched=None, **roles):
        file = tmp_path / f"farm{suffix}"
        frame.to_parquet(file) if suffix == ".parquet" else frame.to_csv(file, index=False, sep=";")
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir()
        folder.outbox.mkdir()
        folder.outputs.mkdir()
        folder.write(RunRecord("y", "20261121T183000Z-1f3ac09e", "t", "2026-11-21T18:30:00+00:00", 1, "here"))
        monkeypatch.setenv(VARIABLE, str(folder.path))
        others = [name for name in ("worth", "bought", "grade") if name != target]
        unused = [name for name in ("farm", "counts") if name not in roles.values()]
        made = task(read_table(str(file)), target, kind=kind, ignore=[*others, *unused], **roles)
        result = search(made, **(searched or {"trials": 3}))
        record(result)
        return result, folder.outbox

    return done


CASES = {
    "two classes": ("bought", "classification", {}),
    "several classes": ("grade", "classification", {}),
    "a number": ("worth", "regression", {}),
    "groups": ("bought", "classification", {"group": "farm"}),
    "times": ("worth", "regression", {"time": "when"}),
    "weights": ("worth", "regression", {"weight": "counts"}),
    "rows held back": ("bought", "classification", {"check_share": 0.2}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_winner_predicts_the_same_without_the_workbench(case, kept):
    target, kind, roles = CASES[case]
    result, outbox_folder = kept(farm(), target, kind=kind, **roles)
    again = play(outbox_folder / "winner.ipynb", fresh())
    stored = load_model(outbox_folder / "model")
    expected = stored.predict_proba(fresh()) if result.task.classes else stored.predict(fresh())
    assert largest(again["said"], expected) <= CLOSE
    assert again["labels"] == pytest.approx(stored.predict(fresh()).tolist())
    assert "difference from the predictions that were kept is" in again["printed"]
    assert float(again["printed"].split()[-1].rstrip(".")) <= CLOSE


def test_members_of_all_rows_beside_one_that_averages_its_folds_are_made_again(kept, monkeypatch):
    fit = OnAllRows.fit
    monkeypatch.setattr(OnAllRows, "fit", lambda self, *given: ["no time", *fit(self, *given)[1:]])
    result, outbox_folder = kept(farm(), "bought")
    averaged = sorted(trial["averaged"] for trial in outbox.read_trials(outbox_folder) if trial["weight"])
    number = len(result.folds)
    assert set(averaged[0]) < set(range(number))
    assert averaged[1:] == [[number]] * (len(averaged) - 1) != []
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], load_model(outbox_folder / "model").predict_proba(fresh())) <= CLOSE


@pytest.mark.usefixtures("bagged")
def test_a_model_that_averages_some_of_its_folds_is_made_again(kept, monkeypatch):
    monkeypatch.setattr("workbench.automl.blending.fewer.ENOUGH", 0.0)
    result, outbox_folder = kept(farm(), "bought")
    told = [trial["averaged"] for trial in outbox.read_trials(outbox_folder) if trial["weight"]]
    averaged = [len(bag.members) for bag in result.model.ensemble.bags]
    assert sorted(map(len, told)) == sorted(averaged)
    assert min(averaged) < len(result.folds)
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], load_model(outbox_folder / "model").predict_proba(fresh())) <= CLOSE


def test_copies_of_rows_are_kept_together_again(kept):
    frame = pd.concat([farm(), farm().head(60)])
    result, outbox_folder = kept(frame, "bought", searched={"trials": 2}, check_share=0.2)
    assert result.task.copies is not None
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], load_model(outbox_folder / "model").predict_proba(fresh())) <= CLOSE


def test_members_on_a_logarithm_are_made_again(kept):
    frame = farm().assign(worth=lambda table: np.exp(table["worth"].astype(float) / 12).round(2))
    searched = {"trials": 4, "families": ["lightgbm", "linear"]}
    result, outbox_folder = kept(frame, "worth", kind="regression", searched=searched)
    learners = {type(member.learner).__name__ for bag in result.model.ensemble.bags for member in bag.members}
    assert "LogTarget" in learners
    again, stored = play(outbox_folder / "winner.ipynb", fresh()), load_model(outbox_folder / "model")
    assert largest(again["said"], stored.predict(fresh())) <= CLOSE


def test_members_in_another_unit_are_made_again(kept):
    """Of a large number that hardly changes, with a column of many levels that is told by the target's means."""
    frame = farm().assign(worth=lambda table: (1e9 + table["worth"].astype(float)).map("{:.3f}".format))
    frame.loc[farm()["worth"].isna(), "worth"] = None
    searched = {"trials": 3, "families": ["lightgbm", "linear", "extra_trees"]}
    result, outbox_folder = kept(frame, "worth", kind="regression", searched=searched)
    assert {type(m.learner).__name__ for bag in result.model.ensemble.bags for m in bag.members} == {"PlainUnit"}
    assert result.scores["r2"].value > 0.5
    again, stored = play(outbox_folder / "winner.ipynb", fresh()), load_model(outbox_folder / "model")
    assert largest(again["said"], stored.predict(fresh())) <= CLOSE * float(np.std(result.task.truth))


def test_members_of_the_best_columns_are_made_again(kept):
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=(150, 220)).round(2)).add_prefix("n")
    searched = {"trials": 3, "families": ["lightgbm", "linear"]}
    result, outbox_folder = kept(pd.concat([farm(), noise], axis=1), "bought", searched=searched)
    learners = {type(member.learner).__name__ for bag in result.model.ensemble.bags for member in bag.members}
    assert "ChosenColumns" in learners
    rows = pd.concat([fresh(), noise.head(40)], axis=1)
    expected = load_model(outbox_folder / "model").predict_proba(rows)
    assert largest(play(outbox_folder / "winner.ipynb", rows)["said"], expected) <= CLOSE


def test_what_was_never_negative_is_predicted_so_again(kept):
    frame = farm().assign(worth=lambda table: np.maximum(table["worth"].astype(float) - 40, 0).round(2))
    searched = {"trials": 2, "families": ["lightgbm"]}
    result, outbox_folder = kept(frame, "worth", kind="regression", searched=searched)
    ensemble = result.model.ensemble
    coerced = result.model.coercer.transform(fresh())
    assert sum(w * bag.predict(coerced) for bag, w in zip(ensemble.bags, ensemble.weights, strict=True)).min() < 0
    expected = load_model(outbox_folder / "model").predict(fresh())
    assert expected.min() == 0
    assert largest(play(outbox_folder / "winner.ipynb", fresh())["said"], expected) <= CLOSE
    told, trials = outbox.read_task(outbox_folder), outbox.read_trials(outbox_folder)
    schema = read_schema(outbox_folder / "data" / "schema.json")
    write_notebook(outbox_folder / "1.ipynb", of_trial(told, schema, trials, 1, packages={}))
    again = play(outbox_folder / "1.ipynb", fresh())
    assert min(again["said"]) == 0
    assert float(again["printed"].split()[-1].rstrip(".")) <= CLOSE


def test_a_typed_file_is_read_typed(kept):
    frame = farm().assign(counts=lambda table: table["counts"].mask(table.index % 13 == 0).astype("Int64"))
    frame["size"] = frame["size"].str.replace(",", ".").astype(float)
    frame["when"] = pd.to_datetime(frame["when"])
    result, outbox_folder = kept(frame, "bought", suffix=".parquet", searched={"trials": 2}, weight=None)
    rows = frame.iloc[::5].assign(colour="violet")
    again = play(outbox_folder / "winner.ipynb", rows)
    assert largest(again["said"], result.model.predict_proba(rows)) <= CLOSE


def test_a_table_that_ships_with_a_library_is_read_from_there(tmp_path, monkeypatch):
    made = task(read_table("example:iris"), "species")
    result = search(made, trials=2, families=["linear"])
    recipe = winner_of(result)
    write_notebook(tmp_path / "winner.ipynb", recipe)
    rows = made.dataset.frame.iloc[::10]
    again = play(tmp_path / "winner.ipynb", rows)
    assert largest(again["said"], result.model.predict_proba(rows)) <= CLOSE


def winner_of(result):
    trials = lean(result.trials, kinds_of(result.task.schema, result.task.features))
    raw = result.task.dataset.frame.loc[result.task.frame.index]
    said = (
        result.model.predict_proba(raw.iloc[:1])[0].tolist()
        if result.task.classes
        else result.model.predict(raw[:1])[0]
    )
    names = [f"probability_{label}" for label in result.task.classes] or ["prediction"]
    golden = {"predictions": {"columns": names, "data": [said if result.task.classes else [said]]}}
    return of_winner(task_document(result), result.task.schema, trials, result.model, golden)


def cut(learner, rounds):
    """Let a learner's next fit end by the clock after so many rounds."""
    calls = iter(range(rounds))

    def fit(*given, **named):
        del learner.fit
        return learner.fit(*given, **named | {"out_of_time": lambda: next(calls, None) is None})

    learner.fit = fit
    return learner


class ShortLightGBM(LightGBM):
    most_rows = 60

    def build(self, parameters, setting, *, seed):
        return cut(super().build(parameters, setting, seed=seed), 9)


class ShortExtraTrees(ExtraTrees):
    most_rows = 50

    def build(self, parameters, setting, *, seed):
        return cut(super().build(parameters, setting, seed=seed), 9)


def test_fits_that_the_clock_cut_are_made_again_exactly(kept):
    searched = {"trials": 2, "families": [ShortLightGBM(), ShortExtraTrees()]}
    result, outbox_folder = kept(farm(), "worth", kind="regression", searched=searched)
    assert all(trial["cut"] and max(trial["boosted"]) <= 10 for trial in result.trials)
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], result.model.predict(fresh())) <= CLOSE


@pytest.mark.parametrize("roles", [{}, {"group": "farm"}, {"time": "when"}], ids=str)
def test_one_fold_of_a_sample_of_rows_is_split_and_stopped_as_before(kept, monkeypatch, roles):
    plan = Plan(1, 0.1, 60, 3, rows=90)
    monkeypatch.setattr("workbench.automl.search.plan_by_size", lambda *_: plan)
    result, outbox_folder = kept(farm(), "bought", **roles)
    assert len(result.folds) == 1
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], result.model.predict_proba(fresh())) <= CLOSE


@pytest.mark.parametrize("roles", [{}, {"time": "when"}], ids=str)
def test_every_trial_can_be_made_again(kept, roles):
    _, outbox_folder = kept(farm(), "worth", kind="regression", searched={"trials": 3}, **roles)
    told, trials = outbox.read_task(outbox_folder), outbox.read_trials(outbox_folder)
    schema = read_schema(outbox_folder / "data" / "schema.json")
    for trial in trials:
        recipe = of_trial(told, schema, trials, trial["number"], packages={})
        file = outbox_folder / f"{trial['number']}.ipynb"
        write_notebook(file, recipe)
        printed = play(file, fresh())["printed"]
        assert float(printed.split()[-1].rstrip(".")) <= CLOSE


@pytest.mark.parametrize("roles", [{}, {"time": "when"}], ids=str)
def test_a_compact_model_and_its_trials_are_made_again(kept, roles):
    searched = {"trials": 3, "families": ["lightgbm", "extra_trees", "linear"], "deploy": "compact"}
    result, outbox_folder = kept(farm(), "worth", kind="regression", searched=searched, **roles)
    assert {len(bag.members) for bag in result.model.ensemble.bags} == {1}
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], load_model(outbox_folder / "model").predict(fresh())) <= CLOSE
    told, trials = outbox.read_task(outbox_folder), outbox.read_trials(outbox_folder)
    schema = read_schema(outbox_folder / "data" / "schema.json")
    for trial in trials:
        file = outbox_folder / f"{trial['number']}.ipynb"
        write_notebook(file, of_trial(told, schema, trials, trial["number"], packages={}))
        assert float(play(file, fresh())["printed"].split()[-1].rstrip(".")) <= CLOSE


@pytest.mark.parametrize(
    "family",
    [CatBoost(), Network(), Neighbours(), RandomForest(), LightGBMWithFeatures()],
    ids=lambda family: family.name,
)
def test_other_families_are_made_again_too(family, kept, monkeypatch):
    monkeypatch.setattr("workbench.automl.families.network.ROUNDS", 6)
    result, outbox_folder = kept(farm(), "grade", searched={"trials": 1, "families": [family]})
    assert result.trials[0]["family"] == family.name
    again = play(outbox_folder / "winner.ipynb", fresh())
    assert largest(again["said"], result.model.predict_proba(fresh())) <= CLOSE


def test_the_records_of_trials_hold_what_a_fit_takes(results):
    trials = results("binary").trials
    assert sum(trial["weight"] for trial in trials) == pytest.approx(1)
    for trial in trials:
        fits = len(results("binary").folds) + (trial["weight"] > 0)
        assert len(trial["boosted"]) == len(trial["rounds"]) == fits
        assert isinstance(trial["seed"], int)
        assert trial["learner"]["class"].startswith("workbench.estimators.")


def test_a_trial_that_was_not_completed_is_refused(results):
    result = results("regression")
    told, schema = task_document(result), result.task.schema
    failed = [{"number": 1, "state": "failed", "reason": "too few rows"}]
    with pytest.raises(WorkbenchError, match="was failed: too few rows"):
        of_trial(told, schema, failed, 1, packages={})
    with pytest.raises(UnknownName, match="trial '7'"):
        of_trial(told, schema, failed, 7, packages={})
    with pytest.raises(WorkbenchError, match="without what it takes"):
        of_trial(told, schema, [{"number": 1, "state": "completed"}], 1, packages={})


def test_what_cannot_be_written_down_is_refused(results):
    recipe = winner_of(results("regression"))
    odd = [
        {**trial, "learner": {**trial["learner"], "arguments": {"call": {"untold": "function"}}}}
        for trial in recipe.trials
    ]
    with pytest.raises(WorkbenchError, match="a value of type function"):
        notebook(replace(recipe, trials=odd))
    own = [{**trial, "learner": {"class": "__main__.Mine", "arguments": {}}} for trial in recipe.trials]
    with pytest.raises(WorkbenchError, match="Mine was defined in a notebook"):
        notebook(replace(recipe, trials=own))


def test_the_notebook_is_small_valid_and_names_no_workbench(results):
    made = notebook(winner_of(results("multiclass")))
    nbformat.validate(nbformat.from_dict(made))
    assert len(json.dumps(made)) < 220_000
    code = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
    imported = {
        name.split(".")[0]
        for source in code
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert "workbench" not in imported
    assert not any(
        isinstance(node, ast.ImportFrom) and node.level for source in code for node in ast.walk(ast.parse(source))
    )


FILES = {
    "plain": ("a,b\n1,x\n2,\n", {}),
    "a line that names the delimiter": ("sep=;\na;b\n1;x\n2;y\n", {}),
    "quotes, spaces and a line break inside": ('a, "b"\n 1 , "x\ny"\n2,"  "\n', {}),
    "a saved index": (",a,b\n0,1,x\n1,2,y\n", {}),
    "a column without a name": ("a,,c\n1,x,3\n2,y,4\n", {}),
    "a delimiter at the end of each line": ("a,b,\n1,x,\n2,y,\n", {}),
    "empty rows at the end and between": ("a,b\n1,x\n,\n\n2,y\n,\n,\n", {}),
    "rows that end early": ("a,b,c\n1,x,3\n2\n", {}),
    "one column": ("a\n1\n\n2\n", {}),
    "two bytes a letter": ("a\tb\n1\té\n2\tü\n", {"encoding": "utf-16"}),
    "western letters": ("a;b\n1;é\n2;ü\n", {"encoding": "latin-1"}),
    "codes and words for missing": ("a,b\n01234,NA\n007,None\n", {}),
    "packed": ("a,b\n1,x\n2,y\n", {"packed": True}),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_read_as_the_workbench_reads_it(case, tmp_path):
    text, how = FILES[case]
    content = text.encode(how.get("encoding", "utf-8"))
    file = tmp_path / "table.csv"
    file.write_bytes(gzip.compress(content) if how.get("packed") else content)
    dataset = read_table(file)
    names, read = [column.name for column in dataset.schema.columns], dataset.schema.read
    again = read_csv(str(file), names, delimiter=read["delimiter"], encoding=read["encoding"])
    pd.testing.assert_frame_equal(again, dataset.frame, check_column_type=False)


def test_a_parquet_file_is_read_as_the_workbench_reads_it(tmp_path):
    frame = pd.DataFrame(
        {"whole": pd.array([1, None, 2**60 + 1], "Int64"), " spaced": ["x", None, "y"], "list": [[1], [2], []]}
    )
    frame["truth"] = pd.array([True, None, False], "boolean")
    frame.index = pd.Index([5, 7, 9], name=None)
    frame.to_parquet(tmp_path / "table.parquet")
    dataset = read_table(tmp_path / "table.parquet")
    again = read_parquet(str(tmp_path / "table.parquet"), [column.name for column in dataset.schema.columns])
    pd.testing.assert_frame_equal(again, dataset.frame, check_column_type=False)


def test_all_modules_of_models_share_one_namespace_without_harm():
    modules = {name: text for name, text in sources_of(SOURCE).items() if name != "__init__"}
    found = pieces(modules, with_needed(modules, modules))
    played: dict[str, object] = {}
    exec("\n".join([FUTURE, *(line for piece in found for line in piece.imports)]), played)
    given: dict[str, str] = {}
    for piece in found:
        for name in [
            node.name for node in ast.parse(piece.code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]:
            assert given.setdefault(name, piece.name) == piece.name
        exec(f"{FUTURE}\n{piece.code}", played)
    for name, text in modules.items():
        for node in ast.parse(text).body:
            assert not isinstance(node, ast.ClassDef) or node.name in played, name


def test_a_name_two_modules_use_is_changed_in_the_later_one():
    modules = {
        "one": '"""One."""\nimport time\nLIMIT = 1\ndef _size(text):\n    return len(text) + LIMIT\n',
        "two": '"""Two."""\nfrom datetime import time\nfrom .one import _size as measure\nLIMIT = 2\n'
        'def _size(limits):  # noqa: X\n    return measure("é") + LIMIT * sum(_size for _size in limits)\n'
        "def both(text):\n    return _size([1]), measure(text), time(1).hour\n",
    }
    found = pieces(modules, ["one", "two"])
    played: dict[str, object] = {}
    for piece in found:
        exec("\n".join([*piece.imports, piece.code]), played)
    assert played["both"]("abc") == (2 + 2, 4, 1)
    assert played["_size"]("ab") == 3
    assert "noqa" not in found[1].code
    assert found[1].about == "Two."


def test_a_part_of_a_module_brings_what_it_needs_and_no_more():
    module = (
        '"""About."""\nimport math\nimport json\nfrom workbench.errors import BadColumn\nfrom typing import Any\n'
        "A = 1\nB = A + 1\ndef used(x: Any) -> Any:\n    return math.sqrt(B)\n"
        "def wanted(x: Unknown) -> None:\n    raise BadColumn(used(x))\ndef other():\n    return json\n"
    )
    part = part_of(module, ["wanted"])
    for text in ("import math", "A = 1", "def used", "from .errors import BadColumn"):
        assert text in part
    for text in ("json", "other", "typing"):
        assert text not in part


def test_encoders_of_an_experiment_from_before_they_took_weights_are_fitted_as_they_were():
    class Older:
        categorical_ = ()

        def fit_transform(self, frame, target):
            return frame.to_numpy()

    class Learner:
        def fit(self, matrix, target, *, weight, categorical):
            self.rows = len(matrix)

        def settle(self, rounds):
            pass

    cell = {"np": np, "frame": pd.DataFrame({"x": [1.5, 2.5]}), "codes": np.array([0, 1]), "folds": [0, 1], "SEED": 0}
    cell |= {"weight": None, "CLASSES": ["a", "b"], "sampled": lambda rows, *_, **__: rows}
    cell["FoldModel"] = lambda encoder, learner: (encoder, learner)
    exec(FITTING, cell)
    trial = {"encoder": Older, "learner": lambda rounds: Learner(), "boosted": [1], "rounds": [1]}
    encoder, learner = cell["fit_trial"]({**trial, "stops_by_rows": False, "most_rows": 9}, 0, np.arange(2), {})
    assert isinstance(encoder, Older)
    assert learner.rows == 2
