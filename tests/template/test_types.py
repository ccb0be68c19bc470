from __future__ import annotations

import copy
import json
import pickle

import pytest

from workbench.errors import WorkbenchError
from workbench.template import find, gallery, read_parameters
from workbench.template.notebook import load
from workbench.template.types import Secret

CELL = """
from typing import Annotated, Literal
from workbench import Bounds, Column, Columns, Duration, Memory, Secret, Table
data: Table = "example:iris"
test: Table | None = None
target: Column = "species"
ignore: Columns = []
budget: Duration = "60s"
memory: Memory | None = "70%"
token: Secret = Secret("")
seed: Annotated[int, Bounds(ge=0)] | None = 0
"""


def test_a_parameters_cell_runs_by_hand(notebook_of, run_cells):
    names = run_cells(notebook_of(CELL, tail="found = (data, target, ignore, budget, memory, token.reveal(), seed)"))
    assert names["found"] == ("example:iris", "species", [], "60s", "70%", "", 0)
    assert len(read_parameters(notebook_of(CELL))) == 8


@pytest.mark.parametrize("name", [one.name for one in gallery()])
def test_the_cells_of_shipped_templates_give_the_defaults_that_were_read(name):
    template = find(name)
    [cell] = [one for one in load(template.path)["cells"] if "parameters" in one["metadata"].get("tags", [])]
    names: dict = {}
    exec(cell["source"], names)
    assert {one.name: names[one.name] for one in template.parameters} == {
        one.name: one.default for one in template.parameters
    }
    assert all(one.help for one in template.parameters)


def test_a_secret_is_never_shown():
    secret = Secret("hunter2")
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        repr([secret]),
        repr({"a": secret}),
        f"{secret:>10}",
        "%s %r" % (secret, secret),  # noqa: UP031 -- the older way shows nothing, either
        json.dumps({"a": secret}, default=str),
    ):
        assert "hunter2" not in shown
        assert "***" in shown
    assert secret.reveal() == "hunter2"
    assert copy.deepcopy(secret) == secret
    assert secret != Secret("")
    assert not Secret("")


def test_a_secret_is_neither_json_nor_a_pickle():
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2"))
    with pytest.raises(TypeError, match="not pickled") as caught:
        pickle.dumps([Secret("hunter2")])
    assert "hunter2" not in str(caught.value)


def test_a_secret_of_the_environment_is_looked_up_when_it_is_revealed(monkeypatch):
    secret = Secret("env:THE_TOKEN")
    assert repr(secret) == "Secret('env:THE_TOKEN')"
    monkeypatch.delenv("THE_TOKEN", raising=False)
    assert not secret
    with pytest.raises(WorkbenchError, match="'THE_TOKEN', which is not set"):
        secret.reveal()
    monkeypatch.setenv("THE_TOKEN", "hunter2")
    assert secret
    assert secret.reveal() == "hunter2"
    written = pickle.dumps(secret)
    assert b"hunter2" not in written
    assert pickle.loads(written) == secret
    assert str(secret) == "***"
