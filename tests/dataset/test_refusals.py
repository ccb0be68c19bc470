"""What is no table is refused with one line: what, which, what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import socket
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.dataset import read_table
from workbench.errors import BadTable


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    return buffer.getvalue()


def parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


PARQUET = parquet(pd.DataFrame({"a": [1.0, 2.0]}))
NUMPY = io.BytesIO()
np.save(NUMPY, np.zeros(3))
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)

FILES = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n  \n", "is empty"),
    "byte order mark only": (b"\xef\xbb\xbf", "is empty"),
    "header only": (b"a,b,c\n", "has a header and no rows"),
    "header and empty rows": (b"a,b\n,\n,\n", "has a header and no rows"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(range(256)), "a JPEG picture"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n", "a PDF"),
    "zip or workbook": (zipped(), "Excel workbook"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel"),
    "database": (b"SQLite format 3\0" + b"\0" * 100, "SQLite"),
    "numpy": (NUMPY.getvalue(), "NumPy"),
    "pickle": (pickle.dumps({"a": [1]}, protocol=4), "pickle"),
    "bzip2": (bz2.compress(b"a,b\n1,2\n"), "bzip2"),
    "json": (b'[{"a": 1, "b": 2},\n {"a": 3, "b": 4}]', "a JSON file"),
    "json lines": (b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "a JSON file"),
    "notebook": (NOTEBOOK.encode(), "a Jupyter notebook"),
    "web page": (b"<!DOCTYPE html>\n<html><body>not found</body></html>", "a web page"),
    "xml": (b"<?xml version='1.0'?><rows/>", "an XML file"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n", "Git LFS"),
    "random bytes": (np.random.default_rng(1).bytes(5000), "is not a table|NUL byte|no text"),
    "control characters": (bytes(range(1, 32)) * 40, "no text"),
    "nul bytes": (b"a,b\n1,2\n3,\x004\n", "NUL byte in line 3"),
    "false utf-16": (b"\xff\xfea,b\n1,2\n3", "UTF-16 and is not"),
    "unclosed quote": (b'a,b\n1,2\n3,"4\n5,6\n', "quote that is opened in line 3"),
    "unclosed quote after a long cell": (b'a,b\n"x\ny",2\n3,"4\n5,6\n', "quote that is opened in line 4"),
    "twice the same name": (b"a,b,a\n1,2,3\n", "more than one column named 'a'"),
    "twice after stripping": (b"a, a\n1,2\n", "more than one column named 'a'"),
    "one long row": (b"a,b\n1,2\n3,4,5\n6,7\n", "3 values in line 3 and only 2 names"),
    "very long row": (b"a,b\n1,2\n3,4,5,6,7\n", "5 values in line 3 and only 2 names"),
    "long row after a quoted newline": (b'a,b\n1,"x\ny"\n3,4,5\n', "3 values in line 4 and only 2 names"),
    "every row long": (b"a,b\n1,2,3\n4,5,6\n", "3 values in every row and only 2 names"),
    "lines above the header": (b"Report of May\n\nname,price\nx,1\ny,2\n", r"2 values in .* only 1 name in"),
    "spaces between columns": (b"a b c\n1 2 3\n4 5 6\n", "separated by spaces"),
    "colons between columns": (b"a:b\n1:2\n4:5\n", "separated by colons"),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n" * 50)[:-20], "damaged gzip"),
    "gzip of a picture": (gzip.compress(b"\x89PNG\r\n\x1a\n123"), "a PNG picture"),
    "gzip of nothing": (gzip.compress(b""), "is empty"),
    "cut parquet": (PARQUET[:-10], "damaged parquet"),
    "short parquet": (b"PAR1", "damaged parquet"),
    "parquet without rows": (parquet(pd.DataFrame({"a": pd.Series([], dtype=float)})), "no rows"),
    "parquet without columns": (parquet(pd.DataFrame(index=range(2))), "no column|no rows"),
    "parquet of lists": (parquet(pd.DataFrame({"a": [[1], [2]]})), "no column of plain values"),
    "parquet with a name twice": (parquet(pd.DataFrame({"a": [1], "a ": [2]})), "more than one column named 'a'"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_table_is_refused(table, what):
    content, message = FILES[what]
    with pytest.raises(BadTable, match=message) as refused:
        table(content)
    said = str(refused.value)
    assert "table.csv" in said
    assert "\n" not in said
    assert len(said) < 400


def test_text_called_parquet_is_refused(table):
    with pytest.raises(BadTable, match="is called parquet and is none"):
        table("a,b\n1,2\n", "t.parquet")


def test_a_missing_file_is_refused_with_the_near_name(tmp_path):
    (tmp_path / "customers.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadTable, match=r"does not exist. Did you mean '.*customers.csv'"):
        read_table(str(tmp_path / "custmers.csv"))


def test_a_missing_file_in_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(BadTable, match=r"no folder '.*nowhere' either"):
        read_table(str(tmp_path / "nowhere" / "a.csv"))


def test_a_folder_is_refused_naming_a_table_in_it(tmp_path):
    (tmp_path / "customers.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadTable, match=r"is a folder. Name a file in it, for example '.*customers.csv'"):
        read_table(str(tmp_path))


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(BadTable, match="is a pipe"):
        read_table(str(tmp_path / "pipe.csv"))


def test_a_device_or_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket has a limit of about a hundred letters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        for path in ("/dev/null", "s"):
            with pytest.raises(BadTable, match="not a file"):
                read_table(path)


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    with pytest.raises(BadTable, match=r"cannot be opened|does not exist"):
        read_table(str(tmp_path / "loop.csv"))


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")

    def refuse(path):  # by hand, because root, under whom tests may run, reads everything
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadTable, match="may not be read"):
        read_table(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("source", ["", "a\0b", "x" * 5000, "."])
def test_an_impossible_path_is_refused(source):
    with pytest.raises(BadTable):
        read_table(source)


def test_a_refusal_in_a_run_is_left_for_the_runner(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_RUN", str(tmp_path))
    with pytest.raises(BadTable):
        read_table("nowhere.csv")
    assert json.loads((tmp_path / "error.json").read_text())["type"] == "BadTable"
