"""What a kernel sends, as it becomes the outputs of a cell: joined as it comes, and cut where it is too much.

nbclient keeps every flush as an output of its own and all of them in memory: of a cell that prints for hours the
runner would grow with it, the notebook be slow to open, and the page never load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

LARGEST_CELL = 10_000_000  # bytes of outputs that are kept of one cell, as text; an error is kept beside
AROUND = 200  # bytes of an output beside its text
LONGEST_ERROR = 100_000  # characters of an error's message, and of each line of its traceback
CUT = "\n[workbench] The outputs of this cell are longer than 10 MB: the rest is left out. The cell went on.\n"
TOO_LARGE = "[workbench] An output of more than 10 MB is left out. The cell went on."
ENGINE = "workbench"


class Outputs:
    """The outputs of the cell under way: how much room is left, and what was printed and is not in the notebook yet.

    Printed text is added to its output in pieces that double, for to add each line to all before it takes time that
    grows with the square of their number.
    """

    def __init__(self) -> None:
        self.room = LARGEST_CELL
        self.cut = False
        self._printed: NotebookNode | None = None  # the output that text is added to
        self._pieces: list[str] = []
        self._waiting = 0  # characters in the pieces

    def begin(self) -> None:
        """Begin again: a new cell, or one whose outputs were cleared."""
        self.write()
        self.room, self.cut, self._printed = LARGEST_CELL, False, None

    def write(self) -> None:
        """Put what is waiting into the notebook. A line that was written over takes the room of what it is now."""
        if self._printed is not None and self._pieces:
            text = "".join([self._printed.text, *self._pieces])
            self._printed.text = _overwritten(text)
            self.room += len(text) - len(self._printed.text)
        self._pieces.clear()
        self._waiting = 0

    def take(self, outs: list[NotebookNode], message: Mapping[str, Any]) -> bool:
        """Take in one message where that needs no new output; True when nothing of it is left to be added."""
        content, printed = message["content"], message["msg_type"] == "stream"
        if message["msg_type"] == "error":
            _shorten(content)
            return False
        if not self.cut and not self._has_room_for(message, joins=printed and _goes_on(outs, content["name"])):
            self._cut(outs, content if printed else None)
        if self.cut:
            return True
        if printed and _goes_on(outs, content["name"]):
            self._join(outs[-1], content["text"])
            return True
        self.write()
        return False

    def _has_room_for(self, message: Mapping[str, Any], *, joins: bool) -> bool:
        content = message["content"]
        needed = _size(content["text"] if message["msg_type"] == "stream" else content.get("data", {}))
        needed += 0 if joins else AROUND
        if needed > self.room:
            self.write()  # lines that were written over give theirs back
        if needed > self.room:
            return False
        self.room -= needed
        return True

    def _cut(self, outs: list[NotebookNode], printed: Mapping[str, Any] | None) -> None:
        """Keep what fits, and say that there was more."""
        if printed is not None:
            text = printed["text"].encode("utf-8", "replace")[: max(self.room, 0)].decode("utf-8", "ignore")
            if _goes_on(outs, printed["name"]):
                self._join(outs[-1], text)
            else:
                outs.append(new_output("stream", name=printed["name"], text=text))
        self.write()
        self.cut = True
        outs.append(new_output("stream", name="stderr", text=CUT))

    def _join(self, last: NotebookNode, text: str) -> None:
        if last is not self._printed:
            self.write()
            self._printed = last
        self._pieces.append(text)
        self._waiting += len(text)
        if self._waiting > max(len(last.text), 8192):
            self.write()


def _goes_on(outs: list[NotebookNode], name: str) -> bool:
    return bool(outs) and outs[-1].output_type == "stream" and outs[-1].name == name


def _size(data: Any) -> int:
    """Bytes of text, or of the values by media type of a display."""
    if isinstance(data, str):
        return len(data) if data.isascii() else len(data.encode("utf-8", "replace"))
    if isinstance(data, Mapping):
        return sum(_size(value if isinstance(value, str) else json.dumps(value)) for value in data.values())
    return _size(json.dumps(data))


def _overwritten(text: str) -> str:
    """Of each line that a carriage return began again, keep what a terminal would show; the last may go on."""
    if "\r" not in text:
        return text
    *lines, last = text.split("\n")
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    end = "\r" if last.endswith("\r") else ""
    return "\n".join([*shown, last.rstrip("\r").rpartition("\r")[2] + end])


def _shorten(error: dict[str, Any]) -> None:
    error["evalue"] = error["evalue"][:LONGEST_ERROR]
    error["traceback"] = [line[:LONGEST_ERROR] for line in error["traceback"][-1000:]]


class _Client(PapermillNotebookClient):
    """papermill's client, but for what becomes of outputs."""

    def __init__(self, *args: Any, kept: Outputs, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Take an output in, unless it joins the last one or there is no room for it."""
        hooked = bool(self.output_hook_stack[msg["parent_header"].get("msg_id")])  # by a widget that shows it
        if self.clear_before_next_output and not hooked:
            self._clear(outs, cell_index)
        if self.kept.take([] if hooked else outs, msg):
            return None
        return super().output(outs, msg, display_id, cell_index)

    def _clear(self, outs: list[NotebookNode], cell_index: int) -> None:
        self.kept.begin()
        outs[:] = []
        self.clear_display_id_mapping(cell_index)
        self.clear_before_next_output = False

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """Clear the outputs, now or before the next one."""
        self.kept.begin()
        super().clear_output(outs, msg, cell_index)

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        """Show something else where a display was shown."""
        if _size(msg["content"].get("data", {})) > LARGEST_CELL:
            msg["content"].update(data={"text/plain": TOO_LARGE}, metadata={})
        super()._update_display_id(display_id, msg)


class _Engine(NBClientEngine):
    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Run a notebook as papermill does, through the client above."""
        told = {"log_output", "stdout_file", "stderr_file", "execution_timeout", "input_path"}  # of which we use none
        options = {name: value for name, value in kwargs.items() if name not in told}
        options["startup_timeout"] = options.pop("start_timeout")
        return _Client(nb_man, kernel_name=kernel_name, log=papermill.log.logger, **options).execute()


papermill_engines.register(ENGINE, _Engine)  # papermill knows its engines by name
