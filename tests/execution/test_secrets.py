"""A real notebook does all it can to show its secrets; then every file it left is searched for them."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import subprocess
import sys
import time
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workbench.errors import WorkbenchError
from workbench.workflow import experiments, export, run

TOKEN = 'hunter2-"t0k\\en"&<ß>'
PASSWORD = "Pa55w0rd/of+the=base"
URL_PASSWORD = "in-the-address"
ALL = (TOKEN, PASSWORD, URL_PASSWORD)
PARAMETERS = """
from workbench import Secret
token: Secret = Secret("")
password: Secret = Secret("env:WB_TEST_PASSWORD")
address: str = ""
unused: Secret = Secret("")
"""
SHOWN = """
import base64, json, logging, os, sys, time, urllib.parse
from workbench import Secret
from workbench.documents.run_folder import here
from IPython.display import HTML, display
values = [token.reveal(), password.reveal(), urllib.parse.urlsplit(address).password]
told = {"right": [len(value) for value in values] == LENGTHS, "repr": repr([token, password]), "empty": not unused}
print("told", json.dumps(told))
for value in values:
    for piece in (value[:5], value[5:9], value[9:], "\\n"):
        print(piece, end="", flush=True)
        if piece == value[:5]:
            print("between", file=sys.stderr, flush=True)
    print(repr(value), json.dumps(value), urllib.parse.quote(value), urllib.parse.quote_plus(value))
    print(value.encode().hex())
    print(base64.b64encode(value.encode()).decode(), base64.b64encode(f"user:{value}".encode()).decode())
    logging.getLogger("a").error("logged %s", value)
    display(HTML(f"<b title='{value}'>{value}</b>"), {"application/json": {value: [value]}}, raw=False)
    display({"application/json": {value: [value]}, "text/plain": value}, raw=True, metadata={"a": value})
    here().say("message", text=f"told {value}", **{"list": [value]})
print(address, dict(os.environ))
os.write(2, f"from the process itself {values[0]} {values[1]}\\n".encode())
"""
RAW = """
with here().events.open("a") as file:
    for value in values:
        print(json.dumps({"kind": "message", "raw": value}), file=file)
"""
WRITTEN = """
import gzip, pickle, zipfile
import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
for number, value in enumerate(values):
    open(f"{number}.txt", "w").write(f"first line\\n{value}\\n{address}\\n")
    pd.DataFrame({"a": [value, "b"], "n": [1, 2]}).to_csv(f"{number}.csv", index=False)
    pd.DataFrame({"a": [value, "b"], "n": [1, 2]}).to_parquet(f"{number}.parquet")
    json.dump({"a": value}, open(f"{number}.json", "w"))
    gzip.open(f"{number}.gz", "wb").write(value.encode() * 3)
    pickle.dump([value], open(f"{number}.pickle", "wb"))
    with zipfile.ZipFile(f"{number}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", value * 5)
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_title(value.replace("$", ""))
    for kind in ("svg", "pdf", "png"):
        figure.savefig(f"{number}.{kind}", metadata={"Title": value})
    (here().outbox / f"found-{number}.json").write_text(json.dumps({"found": value}))
    plt.show()
open("fine.zip", "wb").write(open("0.png", "rb").read()[:20])
"""
ENDS = {
    "completed": "print('well')",
    "failed": "raise ValueError(f'wrong {values[0]} and {values[1]}: {address}')",
    "killed": "os.write(2, values[1].encode() + b'\\n'); time.sleep(0.5); os._exit(3)",
}


def spelled(value: str) -> Iterator[str]:
    yield from (value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (html.escape(value), html.escape(value, quote=False), urllib.parse.quote(value))
    yield from (urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), value.encode().hex())
    yield base64.b64encode(value.encode()).decode()
    for user in ("user:", "a", "ab", ""):  # what is in the middle of it, whatever stands before
        yield base64.b64encode((user + value).encode()).decode()[len(user) * 8 // 6 + 2 : -4]


RUNNER = """
from workbench.cli import main
from workbench.execution import worker
worker.SAVE_SECONDS = 0.1
main()
"""
LINGERS = "open('ready', 'w').close(); time.sleep(600)"


FORMS = [form for value in ALL for form in spelled(value)]


def layers(content: bytes) -> Iterator[bytes]:
    """Give a file's bytes, and what is compressed in them."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from layers(archive.read(name))
    if content.startswith(b"PAR1"):
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    for match in re.finditer(rb"x[\x01\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[match.start() :])
        except zlib.error:
            continue


def leaks(content: bytes, where: str) -> list[tuple[str, str]]:
    found = []
    for layer in layers(content):
        text = layer.decode("utf-8", "replace")
        found += [(where, form) for form in FORMS if form in text]
    return found


@pytest.fixture
def template(tmp_path: Path) -> Any:
    def make(*cells: str, parameters: str = PARAMETERS) -> Path:
        lengths = f"LENGTHS = {[len(value) for value in ALL]}"
        declared = new_code_cell(parameters, metadata={"tags": ["parameters"]})
        notebook = new_notebook(cells=[declared, new_code_cell(lengths), *map(new_code_cell, cells)])
        path = tmp_path / "shows.ipynb"
        nbformat.write(notebook, path)
        return path

    return make


@pytest.mark.parametrize("status", ENDS)
def test_no_secret_is_in_any_file_of_a_run_however_it_ends(template, tmp_path, monkeypatch, status):
    monkeypatch.setenv("WB_TEST_PASSWORD", PASSWORD)
    monkeypatch.setenv("WB_TEST_TOKEN", TOKEN)
    store, events = tmp_path / "store", []
    done = run(
        template(SHOWN, RAW, WRITTEN, ENDS[status]),
        texts=["token=@env:WB_TEST_TOKEN", f"address=postgresql://someone:{URL_PASSWORD}@host/base"],
        labels={"said": f"label {TOKEN}"},
        store=store,
        on_event=events.append,
    )
    assert done.status == status
    exported = export(done.ref, tmp_path / "kept.zip", store=store)
    files = [path for path in (*store.rglob("*"), exported) if path.is_file()]
    assert len(files) > 20
    found = [leak for path in files for leak in leaks(path.read_bytes(), path.relative_to(tmp_path).as_posix())]
    assert found == []
    assert leaks(f"{done.reason}\n{events}".encode(), "told") == []
    assert "someone" not in (done.path / "notebook.ipynb").read_text()


def test_no_secret_is_in_any_file_of_a_run_whose_runner_was_killed(template, tmp_path, monkeypatch):
    """Nobody knows the secrets any more: what is kept must have been clean at every moment."""
    monkeypatch.setenv("WB_TEST_PASSWORD", PASSWORD)
    monkeypatch.setenv("WB_TEST_TOKEN", TOKEN)
    store, address = tmp_path / "store", f"address=postgresql://someone:{URL_PASSWORD}@host/base"
    command = ["run", template(SHOWN, WRITTEN, LINGERS), "-p", "token=@env:WB_TEST_TOKEN", "-p", address]
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, *map(str, command), "--store", str(store)])
    try:
        notebook = only(store, "running/*/outputs/ready").parents[1] / "notebook.ipynb"
        until(lambda: "logged [secret:token]" in notebook.read_text())
    finally:
        runner.kill()
        runner.wait()
    written = {"run.json", "parameters.json", "notebook.ipynb", "events.jsonl"}
    assert [leak for name in written for leak in leaks(notebook.with_name(name).read_bytes(), name)] == []
    (kept,) = experiments(store=store)
    assert kept.status == "killed"
    files = [path for path in store.rglob("*") if path.is_file()]
    assert written - {"run.json"} <= {path.name for path in files}
    found = [leak for path in files for leak in leaks(path.read_bytes(), path.relative_to(tmp_path).as_posix())]
    assert found == []


def only(folder: Path, pattern: str) -> Path:
    until(lambda: list(folder.glob(pattern)))
    (found,) = folder.glob(pattern)
    return found


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_is_not_secret_is_kept_and_what_was_left_out_is_said(template, tmp_path, monkeypatch):
    monkeypatch.setenv("WB_TEST_PASSWORD", PASSWORD)
    token = tmp_path / "token.txt"
    token.write_text(TOKEN + "\n", encoding="utf-8")
    address = f"postgresql://someone:{URL_PASSWORD}@host/base"
    done = run(template(SHOWN, WRITTEN), token=f"@file:{token}", address=address, store=tmp_path / "store")
    assert done.status == "completed", done.reason
    notebook = (done.path / "notebook.ipynb").read_text()
    assert '\\"right\\": true, \\"repr\\": \\"[Secret(\'env:WORKBENCH_SECRET_token\')' in notebook
    assert '\\"empty\\": true' in notebook
    for name in ("token", "password", "address"):
        assert f"logged [secret:{name}]" in notebook
    told = json.loads((done.path / "parameters.json").read_text())["parameters"]
    assert told == {
        "token": {"value": "[secret:token]", "source": "api"},
        "password": {"value": "[secret:password]", "source": "default"},
        "address": {"value": "postgresql://***@host/base", "source": "api"},
        "unused": {"value": None, "source": "default"},
    }
    outputs = {path.name for path in (done.path / "outputs").iterdir()}
    assert {"0.txt", "1.csv", "2.json", "0.svg", "fine.zip"} <= outputs
    assert (done.path / "outputs" / "0.txt").read_text() == "first line\n[secret:token]\npostgresql://***@host/base\n"
    assert json.loads((done.path / "found-1.json").read_text()) == {"found": "[secret:password]"}
    manifest = json.loads((done.path / "manifest.json").read_text())
    for kind in ("parquet", "gz", "pickle", "zip"):
        assert "cannot be taken out" in manifest["left_out"][f"outputs/0.{kind}"]
        assert f"0.{kind}" not in outputs


def test_the_same_work_with_another_secret_has_the_same_fingerprint(template, tmp_path):
    cell = "print(token.reveal())"
    path = template(cell, parameters='from workbench import Secret\ntoken: Secret = Secret("")')
    one, same, without = (
        json.loads((run(path, store=tmp_path / "store", **given).path / "manifest.json").read_text())["fingerprint"]
        for given in ({"token": "hunter2"}, {"token": "another one"}, {})
    )
    assert one == same
    assert one == without  # no secret takes part in it, given or not


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"token": "abc"}, "The secret 'token' has fewer than 4 characters"),
        ({"token": "@env:WB_NO_SUCH"}, "'token' is read from the environment variable 'WB_NO_SUCH', which is not set"),
        ({"token": "@file:/no/such"}, "'token' cannot be what was given (the file '/no/such' cannot be read"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_in_one_line(template, tmp_path, monkeypatch, given, told):
    monkeypatch.setenv("WB_TEST_PASSWORD", PASSWORD)
    with pytest.raises(WorkbenchError) as caught:
        run(template(), store=tmp_path / "store", **given)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_come_from_the_environment_too_and_the_experiment_says_so(template, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_PARAM_TOKEN", TOKEN)
    monkeypatch.setenv("WORKBENCH_PARAM_N", "3")
    path = template(
        "print('given', n, len(token.reveal()))",
        parameters='from workbench import Secret\ntoken: Secret = Secret("")\nn: int = 1\nm: int = 2',
    )
    done = run(path, store=tmp_path / "store")
    assert f"given 3 {len(TOKEN)}" in (done.path / "notebook.ipynb").read_text()
    told = json.loads((done.path / "parameters.json").read_text())["parameters"]
    assert {name: one["source"] for name, one in told.items()} == {
        "token": "environment", "n": "environment", "m": "default",
    }  # fmt: skip
