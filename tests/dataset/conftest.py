from __future__ import annotations

import pytest

from workbench.dataset import coercer_of, read_table


@pytest.fixture
def table(tmp_path):
    """Write text or bytes to a file and read it as a table."""

    def write_and_read(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(str(path))

    return write_and_read


@pytest.fixture
def column(table):
    """Read a table of one named column and a filler, and give the column's schema."""

    def read(values, name="x"):
        lines = [f'"{value}",{i % 7}' for i, value in enumerate(values)]
        return table("\n".join([f"{name},filler", *lines])).schema[name]

    return read


@pytest.fixture
def coerced():
    """Give the rows of a dataset typed by their kinds."""
    return lambda dataset: coercer_of(dataset.schema.columns).transform(dataset.frame)
