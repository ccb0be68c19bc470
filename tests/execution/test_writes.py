from __future__ import annotations

import nbformat
import pytest

from workbench.execution import notebook as notebook_module
from workbench.execution import saving, worker
from workbench.execution.saving import Budget

MANY = ["import time; print('x' * 200_000); time.sleep(0.15)"] * 20
PICTURES = ["import base64, os, time; print(base64.b64encode(os.urandom(150_000)).decode()); time.sleep(0.15)"] * 20
LONG = ["import time\nfor _ in range(20): print('x' * 100_000, flush=True); time.sleep(0.15)"]


@pytest.fixture
def written(monkeypatch):
    """Sizes of all the writes of the notebook and of its cells alone; one may be due ten times a second."""
    sizes = []
    write, append = notebook_module.write_bytes, saving.append

    def counted(path, content):
        sizes.append(len(content))
        write(path, content)

    def appended(file, content):
        sizes.append(len(content))
        append(file, content)

    monkeypatch.setattr(notebook_module, "write_bytes", counted)
    monkeypatch.setattr(saving, "append", appended)
    monkeypatch.setattr(worker, "SAVE_SECONDS", 0.1)
    return sizes


@pytest.mark.parametrize("cells", [MANY, LONG, PICTURES], ids=["many cells", "one long cell", "what is compressed"])
def test_of_large_outputs_at_most_half_as_much_again_is_written_as_there_is_in_the_end(run, written, cells):
    done = run(*cells)
    final = done.folder.notebook.stat().st_size
    assert done.record.status == "completed"
    assert final > 2_000_000
    assert len(written) > 2  # it was saved while it ran
    assert sum(written) <= 1.5 * final
    nbformat.validate(done.notebook)


def test_a_small_notebook_may_be_saved_often_and_a_large_one_now_and_then():
    budget = Budget(now=0.0)
    assert sum(budget.allows(10_000, now=5.0 * turn) for turn in range(100)) > 90
    assert not budget.allows(4_000_000, now=500.0)
    assert budget.allows(4_000_000, now=5_000.0)


@pytest.mark.parametrize("whole", [2_000_000, 4_000_000, 100_000_000])
def test_what_is_written_of_a_large_notebook_before_its_last_save_is_half_of_it_at_most(whole):
    budget = Budget(now=0.0)
    while budget.allows(10_000, now=0.0, whole=whole):
        pass
    assert 0.24 * whole < budget.spent <= 0.5 * whole
