"""What a batch of small notebooks costs its driver."""

from __future__ import annotations

import subprocess
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

BATCH = """
import sys
from workbench import workflow
spec = {"template": sys.argv[1], "name": "numbers", "grid": {"number": [1, 2]}, "workers": 2}
done = workflow.batch(spec, store=sys.argv[2])
print(done.status, sorted({"joblib", "pandas", "sklearn", "matplotlib"} & set(sys.modules)))
"""


def test_a_batch_of_notebooks_without_tables_imports_nothing_that_reads_or_draws_them(tmp_path):
    parameters = new_code_cell("number: int = 0", metadata={"tags": ["parameters"]})
    template = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[parameters, new_code_cell("print(number)")]), template)
    command = [sys.executable, "-c", BATCH, str(template), str(tmp_path / "store")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "completed []\n"
