"""Tables in a run: each under a name of its own, whatever it was called where it came from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from workbench.documents.fetched import keep, keep_copy, origin
from workbench.documents.run_folder import RunFolder

ROWS = b"a\n1\n"


@pytest.mark.parametrize("name", ["farms.csv", "ü" * 125 + ".csv", "x" * 247 + ".parquet"])
def test_a_table_of_any_name_is_kept_under_the_end_of_it_and_known_again(tmp_path: Path, name: str) -> None:
    (tmp_path / "object").write_bytes(ROWS)
    run = RunFolder(tmp_path)
    digest = f"sha256:{hashlib.sha256(ROWS).hexdigest()}"
    copied = keep_copy(run, "/home/ada/farms", name, tmp_path / "object", digest)
    assert copied == keep(run, "/home/ada/farms", name, ROWS)
    assert copied.read_bytes() == ROWS
    assert copied.suffix == Path(name).suffix
    assert origin(copied) == "/home/ada/farms"


def test_tables_of_one_name_do_not_meet(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    one, other = (keep(run, f"/{rows}/farm.csv", "farm.csv", rows) for rows in (b"1", b"2"))
    assert (one.read_bytes(), other.read_bytes()) == (b"1", b"2")
