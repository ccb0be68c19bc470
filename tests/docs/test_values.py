"""The page on experiments names every file in which values of the table stand; without its data, they stand nowhere."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import workflow
from workbench.errors import BadReference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "experiment.md"
MARKED = re.compile(rb"qq(?:person|word|street|town)\d+")
NUMBERS = re.compile(rb"\d+\.\d+|\d{5,}")
DATES = re.compile(rb"19[34]\d-\d\d-\d\d|\d\d/\d\d/19[34]\d")
ENCODED = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


def marked_table(rows: int = 240) -> pd.DataFrame:
    """A table whose every value can be found again, and whose target says nothing."""
    random = np.random.default_rng(0)
    words = random.choice(["fast", "slow", "late", "kind"], (rows, 6))
    return pd.DataFrame(
        {
            "person": [f"qqperson{row}" for row in range(rows)],
            "said": [f"{' '.join(line)} qqword{row}" for row, line in enumerate(words)],
            "street": [f"qqstreet{row // 4}" for row in range(rows)],
            "town": [f"qqtown{number}" for number in random.integers(0, 4, rows)],
            "amount": (7000 + 1000 * random.random(rows)).round(6),
            "visits": random.integers(40_000_000, 50_000_000, rows),
            "born": pd.to_datetime("1931-01-01") + pd.to_timedelta(random.integers(0, 6000, rows), unit="D"),
            "left": random.choice(["yes", "no"], rows),
        }
    ).assign(born=lambda table: table["born"].dt.strftime("%d/%m/%Y"))


class Marks:
    """The values of a table, however they are written: as text, or as numbers in binary files."""

    def __init__(self, table: pd.DataFrame) -> None:
        amounts, visits = table["amount"].tolist(), table["visits"].tolist()
        self.numbers = {str(value).encode() for value in (*amounts, *visits)}
        born = pd.to_datetime(table["born"], format="%d/%m/%Y")
        self.dates = {day.encode() for way in ("%d/%m/%Y", "%Y-%m-%d") for day in born.dt.strftime(way)}
        self.packed = {struct.pack("<d", value) for value in (*amounts, *visits)}
        self.packed |= {struct.pack("<q", value) for value in visits}

    def found(self, content: bytes) -> set[bytes]:
        """Find marked values in some bytes; NumPy gives each letter of a text four of them."""
        plain = content.replace(b"\0", b"")
        seen = {mark for text in (content, plain) for mark in MARKED.findall(text)}
        seen |= self.numbers & set(NUMBERS.findall(content))
        seen |= self.dates & set(DATES.findall(content))
        return seen | {mark for mark in self.packed if mark in content}

    def inside(self, content: bytes, depth: int = 4) -> set[bytes]:
        """Find them in whatever the bytes hold, too: zips, compressed and encoded parts, tables."""
        here = set() if _is_packed(content) else self.found(content)
        return here.union(*(self.inside(part, depth - 1) for part in _parts(content) if depth))


def _is_packed(content: bytes) -> bool:
    return content.startswith((b"PK", b"\x1f\x8b", b"PAR1"))


def _parts(content: bytes) -> list[bytes]:
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return [packed.read(name) for name in packed.namelist()]
    if content.startswith(b"\x1f\x8b"):
        return [gzip.decompress(content)]
    if content.startswith(b"PAR1"):
        return [pd.read_parquet(io.BytesIO(content)).to_csv().encode()]
    return [] if content.startswith(b"\x89PNG") else list(filter(None, map(_decoded, set(ENCODED.findall(content)))))


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> workflow.Run:
    place = tmp_path_factory.mktemp("people")
    marked_table().to_csv(place / "people.csv", index=False)
    values = {"data": str(place / "people.csv"), "target": "left", "trials": 3}
    return workflow.run("classification", values, store=place / "store")


def test_files_that_hold_values_of_the_table_are_named(run: workflow.Run) -> None:
    marks = Marks(marked_table())
    files = [path for path in run.path.rglob("*") if path.is_file()]
    holding = {str(path.relative_to(run.path)) for path in files if marks.inside(path.read_bytes())}

    section = PAGE.read_text().partition("## What of the data is in it")[2].partition("\n##")[0]
    assert holding <= set(re.findall(r"`([\w./]+)`", section))
    assert {"report.html", "model/golden.json", "model/model.skops"} <= holding


def test_without_its_data_no_value_of_the_table_stands_anywhere(run: workflow.Run, tmp_path: Path) -> None:
    store, marks = run.path.parents[2], Marks(marked_table())
    whole = workflow.export(run.ref, tmp_path / "whole.zip", store=store).read_bytes()
    told = marks.inside(whole)
    assert marks.numbers & told
    assert marks.dates & told
    assert marks.packed & told
    assert {mark.rstrip(b"0123456789") for mark in told if mark.startswith(b"qq")} == {
        b"qqperson",
        b"qqword",
        b"qqstreet",
        b"qqtown",
    }

    bare = workflow.export(run.ref, tmp_path / "bare.zip", without_data=True, store=store)
    assert marks.inside(bare.read_bytes()) == set()

    ref = workflow.import_(bare, store=tmp_path / "there")
    assert ref == run.ref
    page = workflow.report(ref, store=tmp_path / "there").read_text()
    assert all(told in page for told in ("Without the data", "ROC AUC", "people.csv"))
    document = workflow.show(ref, store=tmp_path / "there")
    assert document["scores"] == workflow.show(run.ref, store=store)["scores"]
    for ask in (
        lambda: workflow.promote(ref, "leavers", store=tmp_path / "there"),
        lambda: workflow.predict(ref, "people.csv", tmp_path / "out.csv", store=tmp_path / "there"),
        lambda: workflow.trial(ref, 1, tmp_path / "trial.ipynb", store=tmp_path / "there"),
    ):
        with pytest.raises(BadReference, match=r"is a copy without its data, and .* was left out with them"):
            ask()
