from __future__ import annotations

import json
import os
from contextlib import suppress

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadTemplate
from workbench.template import load, read_parameters


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not a notebook: it is not JSON"),
        (b'{"nbformat": 4, "cel', "is not a notebook: it is not JSON"),
        (b"\xff\xfe\x00", "is not a notebook: it is not JSON"),
        pytest.param(b"[" * 100_000, "is not a notebook", id="deep"),
        (b"[]", "is JSON, but not a notebook"),
        (b'{"a": 1}', "is JSON, but not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "is a notebook of format 3, not 4"),
        (b'{"nbformat": 4}', "damaged"),
        (b'{"nbformat": 4, "cells": [3]}', "damaged"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "damaged"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "metadata": []}]}', "damaged"),
        (b'{"nbformat": 4, "cells": [], "metadata": 3}', "damaged"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line(tmp_path, content, told):
    (tmp_path / "bad.ipynb").write_bytes(content)
    with pytest.raises(BadTemplate, match=told) as caught:
        load(tmp_path / "bad.ipynb")
    assert "bad.ipynb" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_a_fifo_and_a_missing_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name, told in (("", "is a folder"), ("pipe.ipynb", "is not a file"), ("no.ipynb", "does not exist")):
        with pytest.raises(BadTemplate, match=told):
            load(tmp_path / name)
    with pytest.raises(BadTemplate, match="does not exist"):
        load(tmp_path / ("x" * 1000))


def test_lines_are_joined_and_missing_metadata_is_empty(tmp_path):
    cell = {"cell_type": "code", "source": ["a = 1\n", "b = 2"]}
    (tmp_path / "a.ipynb").write_text("\ufeff" + json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [cell]}))
    notebook = load(tmp_path / "a.ipynb")
    assert notebook["cells"][0]["source"] == "a = 1\nb = 2"
    assert notebook["metadata"] == {}


def test_a_real_notebook_is_read_as_nbformat_reads_it(tmp_path, notebook_of):
    nbformat.write(notebook_of("x = 1\ny = 2"), tmp_path / "a.ipynb")
    assert load(tmp_path / "a.ipynb") == nbformat.read(tmp_path / "a.ipynb", 4)


words = st.sampled_from(
    ["nbformat", "cells", "cell_type", "source", "metadata", "tags", "kernelspec", "language_info", "name"]
)
json_like = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=20,
)


@settings(deadline=None)  # two cores are shared
@given(cells=json_like, metadata=json_like)
def test_any_json_is_a_notebook_or_refused(tmp_path_factory, cells, metadata):
    file = tmp_path_factory.mktemp("law") / "a.ipynb"
    file.write_text(json.dumps({"nbformat": 4, "cells": cells, "metadata": metadata}))
    with suppress(BadTemplate):
        assert read_parameters(load(file)) == ()
