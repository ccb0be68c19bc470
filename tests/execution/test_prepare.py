from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from workbench.documents.files import read_json
from workbench.documents.run_folder import is_alive
from workbench.errors import BadTemplate, StoreError
from workbench.execution import prepare

START = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)


def test_a_prepared_folder_holds_all_that_is_known_before_the_kernel_starts(running, tmp_path):
    template = tmp_path / "churn.ipynb"
    template.write_bytes(b'{"cells": [],\r\n "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    folder = prepare(
        running,
        name="churn",
        template=template,
        values={"data": "a.csv", "seed": 0},
        sources={"data": "-p"},
        schema={"type": "object"},
        budget=60,
        now=START,
        labels={"farm": "17"},
    )
    record = folder.read()
    assert re.fullmatch(r"20261121T183000Z-[0-9a-f]{8}", record.version)
    assert folder.path == running / record.version
    assert (record.name, record.template, record.status) == ("churn", "churn.ipynb", "running")
    assert (record.started, record.deadline) == ("2026-11-21T18:30:00+00:00", "2026-11-21T18:31:00+00:00")
    assert record.ends - time.monotonic() == pytest.approx(START.timestamp() + 60 - time.time(), abs=5)
    assert record.labels == {"farm": "17"}
    assert folder.template.read_bytes() == template.read_bytes()
    assert read_json(folder.parameters) == {
        "format": 1,
        "parameters": {"data": {"value": "a.csv", "source": "-p"}, "seed": {"value": 0, "source": "default"}},
    }
    assert read_json(folder.parameters_schema) == {"type": "object"}
    assert folder.outputs.is_dir()
    assert folder.outbox.is_dir()
    assert is_alive(record)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
        (float("nan"), "nan"),
        ((1, float("inf")), [1, "inf"]),
        ({"a": [None, True]}, {"a": [None, True]}),
        (Path("x.csv"), "x.csv"),
        ('{x} "quoted" = # ü\n', '{x} "quoted" = # ü\n'),
    ],
)
def test_a_value_is_kept_in_words_in_which_it_could_be_given_again(running, make, value, said):
    folder = prepare(running, name="t", template=make(), values={"v": value})
    assert read_json(folder.parameters)["parameters"]["v"]["value"] == said


def test_runs_of_the_same_second_do_not_collide(running, make):
    assert prepare(running, name="t", template=make(), now=START) != prepare(
        running, name="t", template=make(), now=START
    )


def test_a_store_that_cannot_be_written_is_one_clear_line(tmp_path, make):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError) as told:
        prepare(tmp_path / "store" / "running", name="t", template=make())
    assert str(tmp_path / "store") in str(told.value)
    assert "--store" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_failure_half_way_leaves_nothing_behind(running, make):
    with pytest.raises(TypeError):
        prepare(running, name="t", template=make(), schema={"not": object()})
    assert list(running.iterdir()) == []


def test_a_template_that_cannot_be_read_makes_no_folder(running, tmp_path):
    with pytest.raises(BadTemplate, match="cannot be read"):
        prepare(running, name="t", template=tmp_path / "none.ipynb")
    assert not running.exists()
