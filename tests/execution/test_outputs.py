from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.execution import outputs as module
from workbench.execution.notebook import settle
from workbench.execution.outputs import CUT, Outputs
from workbench.execution.verdict import Verdict

TORRENT = """
import resource, sys, tempfile
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workbench.execution import execute, prepare

def peak(*sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    with tempfile.TemporaryDirectory() as store:
        assert execute(prepare(Path(store), name="t", template=notebook), notebook).status == "completed"
    unit = 1e6 if sys.platform == "darwin" else 1e3
    print(int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit))

peak("1")
peak("for _ in range(2_000): print('x' * 100_000)")
"""


def said(text, name="stdout"):
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def shown(size):
    return {"msg_type": "display_data", "content": {"data": {"text/plain": "x" * size}, "metadata": {}}}


def sent(*messages):
    """What becomes of messages, as the client takes them in."""
    from nbformat.v4 import output_from_msg

    kept, outs = Outputs(), []
    for message in messages:
        if not kept.take(outs, message):
            outs.append(output_from_msg({**message, "header": {"msg_type": message["msg_type"]}}))
    kept.write()
    return outs


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_CELL", 1_000)


def test_twenty_thousand_flushed_lines_are_one_output_in_memory_too():
    (output,) = sent(*(said(f"{number}\n") for number in range(20_000)))
    assert output.text.split() == [str(number) for number in range(20_000)]


def test_streams_that_take_turns_keep_their_order():
    outs = sent(said("a"), said("b"), said("!", "stderr"), said("c"), shown(1), said("d"))
    assert [output.get("text") for output in outs] == ["ab", "!", "c", None, "d"]


def test_printing_beyond_the_limit_is_cut_with_one_sentence(small):
    outs = sent(*(said("ä" * 10) for _ in range(500)), said("on stderr", "stderr"), shown(5))
    assert [output.text for output in outs] == ["ä" * 400, CUT]  # a thousand bytes, less those round a text


def test_displays_beyond_the_limit_are_left_out_whole(small):
    outs = sent(shown(500), shown(500), shown(1))
    assert [output.output_type for output in outs] == ["display_data", "stream"]
    assert outs[-1].text == CUT


def test_an_error_is_kept_beyond_the_limit_but_not_at_any_length(small):
    error = {"ename": "E", "evalue": "v" * 10**6, "traceback": ["t" * 10**6] * 2000}
    outs = sent(said("x" * 5000), {"msg_type": "error", "content": error})
    assert [output.output_type for output in outs] == ["stream", "stream", "error"]
    assert len(outs[-1].evalue) == module.LONGEST_ERROR
    assert len(outs[-1].traceback) == 1000


def test_a_line_that_is_written_over_takes_the_room_of_what_is_left(small):
    outs = sent(*(said(f"\r{'#' * 90} {number} %") for number in range(100)), said("\ndone\n"))
    assert [output.text for output in outs] == ["#" * 90 + " 99 %\ndone\n"]


def test_cleared_outputs_give_their_room_back(small):
    kept, outs = Outputs(), []
    for _ in range(5):
        kept.begin()
        outs.clear()
        assert not kept.take(outs, shown(700))
    assert not kept.cut


@given(st.lists(st.text(alphabet="ab\r\n", max_size=6), min_size=1, max_size=30))
def test_it_makes_no_difference_in_which_pieces_text_comes(pieces):
    from nbformat.v4 import new_code_cell, new_notebook

    def settled(outs):
        notebook = new_notebook(cells=[new_code_cell("1", outputs=outs)])
        settle(notebook, Verdict("completed"), 1)
        return [output.text for output in notebook.cells[0].outputs]

    assert settled(sent(*map(said, pieces))) == settled(sent(said("".join(pieces))))


def test_a_run_goes_on_after_a_cell_that_said_too_much(run, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_CELL", 100_000)
    chatty = """
from IPython.display import display
handle = display("first", display_id="shown")
grows = display("small", display_id="grows")
for number in range(1_000):
    print("x" * 1_000)
handle.update("second")
grows.update("x" * 100_001)
"""
    done = run(chatty, "print('on')")
    assert (done.record.status, done.cells) == ("completed", ["completed", "completed"])
    first, grown, printed, cut = done.notebook.cells[0].outputs
    assert first.data["text/plain"] == "'second'"
    assert grown.data["text/plain"] == module.TOO_LARGE
    assert 99_000 < len(printed.text) <= 100_000
    assert cut.text == CUT
    assert done.notebook.cells[1].outputs[0].text == "on\n"


def test_a_cell_that_prints_in_earnest_does_not_make_the_runner_grow():
    """A process of its own, whose peak nothing else has raised."""
    done = subprocess.run([sys.executable, "-c", TORRENT], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after - before < 100  # MB, of 200 that were printed
