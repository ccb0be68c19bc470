"""C++ that is refused memory where nobody catches it: it says so on stderr, and the process aborts."""

from __future__ import annotations

import ctypes.util

import pytest

THROWS = "import ctypes, threading\nthrow = ctypes.CDLL('libstdc++.so.6')._ZSt17__throw_bad_allocv\n"  # without the GIL
WAYS = {
    "in the cell": "throw()",
    "in a thread": "thread = threading.Thread(target=throw); thread.start(); thread.join()",
    "in a thread, while the cell computes": "threading.Thread(target=throw).start()\nwhile True: pass",
    "after much was said": "import os; os.write(2, b'warning\\n' * 20_000); throw()",
}


@pytest.mark.skipif(not ctypes.util.find_library("stdc++"), reason="there is no C++ here")
@pytest.mark.parametrize("way", WAYS)
def test_code_without_the_gil_that_is_refused_memory_ends_the_run_as_out_of_memory(run, way):
    done = run("1", THROWS + WAYS[way], "2")
    assert (done.record.status, done.record.cell) == ("out_of_memory", 1)
    assert done.record.reason.startswith("The kernel was killed by SIGABRT: std::bad_alloc; the run had taken ")
    assert done.cells == ["completed", "failed", "pending"]
