"""`workbench reproduce`: a kept run is made again, and what is equal is said to the last bit."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench import workflow
from workbench.batches import cores
from workbench.batches.known import known
from workbench.experiment import Experiment, Store, load, objects, verify
from workbench.workflow.reproducing.given import given_again

SUM = """
import pathlib
import time
time.sleep(float(wait))
numbers = [int(line) for line in pathlib.Path(data).read_text().split()[1:]]
pathlib.Path("sum.txt").write_text(f"{factor * sum(numbers)} {len(token.reveal())}")
"""
TABLE = "number\n1\n2\n3\n"
SECRET = "the-key-of-the-shop"
PARAMETERS = """
from workbench import Secret, Table
data: Table = "example:iris"
factor: int = 2
wait: str = "0"
token: Secret = Secret("")
"""


def written(folder: Path) -> tuple[Path, Path]:
    """Write a notebook that adds the numbers of a table up, and takes as long as it is told to; and such a table."""
    parameters = nbformat.v4.new_code_cell(PARAMETERS.strip(), metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_markdown_cell("# A sum"), parameters, nbformat.v4.new_code_cell(SUM.strip())]
    template, table = folder / "adding.ipynb", folder / "numbers.csv"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), template)
    table.write_text(TABLE)
    return template, table


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A store with one run of the notebook, whose template and table are gone since."""
    folder = tmp_path_factory.mktemp("once")
    template, table = written(folder)
    asked = {"data": str(table), "token": SECRET}
    for name, given in (("sum", {"data": str(table)}), ("secret", asked)):
        done = workflow.run(template, given, name=name, labels={"shop": "7"}, store=folder / "store")
        assert done.status == "completed", done.reason
    template.unlink()
    table.unlink()
    return folder / "store"


@pytest.fixture
def store(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "workbench-store"))


@pytest.fixture
def first(store) -> Experiment:
    return load(next((store / "experiments" / "sum").iterdir()))


@pytest.fixture
def table(first) -> Path:
    """Where the table was."""
    return Path(first.parameters()["data"]["value"])


def kept(store: Path) -> list[Experiment]:
    return workflow.experiments("sum", store=store)


def document(said) -> dict[str, Any]:
    return json.loads(said.out)


def test_a_run_whose_table_is_gone_is_made_again_equal_and_kept_as_what_it_is(workbench, first, store):
    git = first.path / "environment" / "git.json"
    git.write_text(json.dumps({"format": 0, "commit": "5d0d9cbc"}))
    said = workbench("reproduce", "sum", "--here", "--json")
    assert (said.code, said.err) == (0, "")
    told = document(said)
    assert told["equal"]
    assert told["outputs"] == {"total": 1, "equal": 1, "differ": []}
    assert told["sentences"][0] == "Equal to the last bit: 1 file the notebook wrote."
    now = load(Path(told["path"]))
    assert str(now.reference) == told["ref"] != told["of"] == str(first.reference)
    assert (now.path / "outputs" / "sum.txt").read_text() == "12 0"
    assert verify(now) == []
    assert [*(store / "running").iterdir()] == []
    assert now.environment()["cores"] == first.environment()["cores"] == cores()
    assert 0 < now.environment()["free_memory"] < 2**50
    manifest = now.manifest
    assert manifest["kind"] == "reproduction"
    assert manifest["cause"] == {"kind": "reproduction", "of": str(first.reference)}
    assert manifest["parents"] == [str(first.reference)]
    assert (now.name, manifest["template"], manifest["labels"]) == ("sum", "adding", {"shop": "7"})
    assert manifest["fingerprint"] == first.manifest["fingerprint"]
    assert manifest["objects"] == first.manifest["objects"]
    assert now.parameters() == first.parameters()
    assert (now.path / "environment" / "git.json").read_bytes() == git.read_bytes()
    findings = json.loads((now.path / "reproduction.json").read_text())
    assert findings.pop("format") == 1
    assert findings.items() <= told.items()
    assert "Equal to the last bit" in now.report.read_text()
    fingerprint = first.manifest["fingerprint"]
    done = known(Store(store), {fingerprint}).kept[fingerprint]
    assert done.manifest["kind"] == "run"  # a batch does not take a reproduction for its work


def test_another_value_gives_another_answer_and_its_name(workbench, first):
    said = workbench("reproduce", "sum", "--here", "-p", "factor=3")
    assert said.code == 3
    assert "Not equal: 1 of 1 file the notebook wrote differ." in said.out
    assert "factor has another value" in said.out
    (row,) = [line.split() for line in said.out.splitlines() if line.startswith("parameters ")]
    assert row == ["parameters", "factor", "2", "3"]


def lose(store: Path, first: Experiment) -> None:
    (entry,) = objects.named(first.manifest, objects.DATA)
    objects.place(Store(store), entry["digest"]).unlink()


def test_a_table_that_is_nowhere_is_named_in_one_line(workbench, first, store, table):
    lose(store, first)
    said = workbench("reproduce", "sum", "--here")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"workbench: The table {str(table)!r} is not there any more, and the store keeps no copy of it. "
        "Say where it is now: -p data=FILE.\n"
    )
    assert len(kept(store)) == 1


def test_a_table_that_changed_is_not_taken_for_what_it_was(workbench, first, store, table, tmp_path):
    lose(store, first)
    table.write_text(TABLE.replace("3", "4"))
    said = workbench("reproduce", "sum", "--here")
    assert said.code == 2
    assert "is not what it was then" in said.err
    table.write_text(TABLE)
    (tmp_path / "scratch").mkdir()
    assert given_again(first, [Store(store)], tmp_path / "scratch").values["data"] == str(table)
    table.unlink()


def test_a_damaged_copy_is_none(workbench, first, store):
    (entry,) = objects.named(first.manifest, objects.DATA)
    place = objects.place(Store(store), entry["digest"])
    place.chmod(0o644)
    place.write_text("number\n9\n9\n9\n")
    assert workbench("reproduce", "sum", "--here").code == 2


def test_a_secret_has_to_be_given_again_and_is_named(workbench, store, tmp_path, monkeypatch):
    (then,) = workflow.experiments("secret", store=store)
    said = workbench("reproduce", "secret", "--here")
    assert said.code == 2
    assert said.err == (
        "workbench: The secret 'token' is not kept with an experiment: give it again, as -p token=@env:NAME or "
        "@file:PATH.\n"
    )
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    done = workbench("reproduce", "secret", "--here", "-p", "token=@env:SHOP_TOKEN", "--json")
    assert done.code == 0
    folder = Path(document(done)["path"])
    assert (folder / "outputs" / "sum.txt").read_text() == f"12 {len(SECRET)}"
    assert load(folder).manifest["fingerprint"] == then.manifest["fingerprint"]
    assert not [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    (tmp_path / "scratch").mkdir()
    told = given_again(load(folder), [Store(store)], tmp_path / "scratch", environ={"WORKBENCH_PARAM_TOKEN": SECRET})
    assert "token" not in told.values  # the run finds it in the environment itself


def test_a_password_that_was_taken_out_of_an_address_is_asked_for(workbench, first, store):
    lose(store, first)
    file = first.path / "parameters.json"
    told = json.loads(file.read_text())
    told["parameters"]["data"]["value"] = "https://***@example.org/numbers.csv"
    file.write_text(json.dumps(told))
    said = workbench("reproduce", "sum", "--here")
    assert said.code == 2
    assert "The password in 'data' is not kept with an experiment: give the whole again with -p." in said.err


def test_a_refusal_of_the_run_is_passed_on_in_one_line(workbench, first, store):
    said = workbench("reproduce", "sum", "--here", "-p", "factro=3")
    assert said.code == 2
    assert said.err.startswith("workbench: ")
    assert "factro" in said.err
    assert "Did you mean 'factor'?" in said.err
    assert said.err.count("\n") == 1
    assert len(kept(store)) == 1


def test_a_run_that_fails_this_time_is_kept_and_says_so(workbench, first, store):
    said = workbench("reproduce", "sum", "--here", "-p", "wait=long")
    assert said.code == 1
    assert "It completed then, and failed now" in said.out
    assert "could not convert string to float" in said.out
    assert kept(store)[0].status == "failed"


def test_a_zip_is_reproduced_where_its_store_is_not(workbench, first, store, tmp_path):
    file = workflow.export(str(first.reference), tmp_path / "sum.zip", store=store)
    said = workbench("reproduce", file, "--here", "--json", "--store", tmp_path / "other")
    assert said.code == 0, said.err
    assert document(said)["equal"]
    (only,) = kept(tmp_path / "other")
    assert only.manifest["parents"] == [str(first.reference)]
    assert objects.missing(Store(tmp_path / "other"), only.manifest) == []


SUMS = """
import pathlib
texts = [pathlib.Path(one).read_text() for one in (data, *more, *named.values())]
pathlib.Path("sum.txt").write_text(" ".join(str(sum(map(int, text.split()[1:]))) for text in texts))
"""
SEVERAL = """
from workbench import Table
data: Table = "example:iris"
more: list[Table] = []
named: dict[str, Table] = {}
"""


def test_tables_in_a_list_are_found_again_each_in_its_place(workbench, tmp_path):
    parameters = nbformat.v4.new_code_cell(SEVERAL.strip(), metadata={"tags": ["parameters"]})
    template = tmp_path / "adding.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell(SUMS.strip())]), template)
    files = [tmp_path / f"{number}" / "farm.csv" for number in (1, 2, 3, 4)]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(f"power\n{10**number}\n")
    first, one, other, last = map(str, files)
    values = {"data": first, "more": [one, other, one], "named": {"last": last}}
    made = workflow.run(template, values, name="sum", store=tmp_path / "workbench-store")
    assert (made.path / "outputs" / "sum.txt").read_text() == "1 10 100 10 1000"
    for file in files:
        shutil.rmtree(file.parent)
    said = workbench("reproduce", "sum", "--here", "--json")
    assert said.code == 0, said.err
    now = load(Path(document(said)["path"]))
    assert now.parameters() == load(made.path).parameters()
    assert now.manifest["objects"] == load(made.path).manifest["objects"]


@pytest.mark.parametrize("full", ["workbench.documents.fetched.shutil.copyfile", "pathlib.Path.touch"])
def test_a_disk_that_fills_while_the_inputs_are_laid_out_is_one_line(workbench, first, store, full, monkeypatch):
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(full, no_room)
    said = workbench("reproduce", "sum", "--here")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"workbench: The store {str(store)!r} cannot be written: No space left on device.")
    assert said.err.count("\n") == 1
    assert [*(store / "running").iterdir()] == []


ON_A_DISK = """
mount -t tmpfs -o size=$3 workbench "$0" || exit 77
cp -r "$1/." "$0"
"$2" -m workbench reproduce big --here --store "$0"
echo "exit $?"
"$2" -m workbench fsck --store "$0"
"""


@pytest.mark.parametrize("room", ["1500k", "2400k"], ids=["for the inputs", "for the run"])
def test_on_a_real_disk_without_room_it_is_one_line_and_nothing_is_left(tmp_path, room):
    template, table = written(tmp_path)
    table.write_text("number\n" + "1\n" * 500_000)
    workflow.run(template, {"data": str(table)}, name="big", store=tmp_path / "store")
    table.unlink()
    (disk := tmp_path / "disk").mkdir()
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_DISK, disk, tmp_path / "store", sys.executable]
    done = subprocess.run([*words, room], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a disk of one's own")
    assert done.stderr.startswith(f"workbench: The store {str(disk)!r} cannot be written: No space left on device.")
    assert done.stderr.count("\n") == 1
    whole = "1 experiment, 0 models, 1 object, 0 runs, 0 notes: all is whole."
    assert done.stdout.splitlines() == ["exit 2", whole]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("environment/python.json", b'{"format": 1, "python": "3", "packages": [1]}'),
        ("environment/python.json", b'{"format": 1, "python": "3", "packages": {"numpy": 1}, "cores": "many"}'),
        ("environment/requirements.lock", b"\xff\xfe"),
        ("task.json", b'{"format": 1, "data": [1], "plan": 7}'),
        ("trials.jsonl", b"[1]\n"),
        ("scores.json", b'{"format": 1, "metric": "rmse", "scores": {"rmse": {"value": 1}}, "test": 7}'),
    ],
)
def test_a_document_that_says_what_none_of_ours_does_is_one_line(workbench, first, store, file, content):
    (first.path / file).write_bytes(content)
    packages = {"format": 1, "python": "3.1", "packages": {"numpy": "0"}}  # so that the lock is read
    if file.endswith(".lock"):
        (first.path / "environment" / "python.json").write_text(json.dumps(packages))
    said = workbench("reproduce", "sum", *([] if file.startswith("env") else ["--here"]))
    assert said.code in (0, 2, 3)
    assert "Traceback" not in said.err
    assert said.err.count("\n") == (said.code == 2)
    assert [*(store / "running").iterdir()] == []


def begin(store: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the command, and wait until its notebook is under way."""
    command = [sys.executable, "-m", "workbench", "reproduce", "sum", "--here", *arguments, "--store", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(600):
        if [*(store / "running").glob(".reproduce-*/store/running/*/outputs")]:
            return process
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError("it did not begin")


def test_one_that_is_cancelled_leaves_nothing(first, store):
    process = begin(store, "-p", "wait=60")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"stopped" in said
    assert [str(one.reference) for one in kept(store)] == [str(first.reference)]
    assert [*(store / "running").iterdir()] == []


def test_one_that_is_killed_ends_its_run_and_the_next_command_removes_what_is_left(first, store):
    process = begin(store, "-p", "wait=600")
    process.kill()
    process.communicate()
    for _ in range(300):
        assert [str(one.reference) for one in kept(store)] == [str(first.reference)]
        if not [*(store / "running").iterdir()]:
            return
        time.sleep(0.1)
    raise AssertionError("something goes on there")


def test_a_batch_is_refused_with_the_names_of_its_runs(first, store, workbench):
    path = store / "experiments" / "sum" / first.version / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"kind": "batch", "children": ["sum@a", "sum@b"]}))
    said = workbench("reproduce", "sum")
    assert said.code == 2
    assert "is a batch. Reproduce its runs one by one: sum@a and sum@b." in said.err
