"""The executed notebook as one page that a person would send to a manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import join
from workbench.pages.cells import CODE_STYLE, anchored, has_failed, not_run, render_cells, steps_until_it_ended
from workbench.pages.heading import heading
from workbench.pages.page import page

ENOUGH_FOR_CONTENTS = 4
FAILED, NAMED = Markup('<div class="failed"'), Markup('<div id="failed-step" class="failed"')
WHOLE = (None, "", "completed", "running")  # of any other nothing is said where it never came to
TITLE = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)


def report(notebook: Mapping[str, Any], *, title: str, facts: Mapping[str, Any]) -> str:
    """Make one self-contained HTML page of an executed notebook.

    Parameters
    ----------
    notebook : mapping
        A notebook of nbformat 4, executed or not; it is only read.
    title : str
        What the page is about, in plain words.
    facts : mapping
        What a reader wants to know first. ``status``, ``reason``, ``score`` (a `Score`) and ``summary`` (sentences)
        have a place of their own; all others are shown in the order given, under their names (``started``, ``author``,
        ``rows``, ``seconds``, …), and left out when they are None or empty. Numbers, times and spans are written for
        people.

    Returns
    -------
    str
        The page. It runs no script and loads nothing, whatever the notebook holds.
    """
    cells = notebook.get("cells", [])
    is_whole = facts.get("status") in WHOLE
    ran = len(cells) if is_whole else steps_until_it_ended(cells)
    body, headings = anchored(_without_title(render_cells(cells[:ran]), title))
    if not is_whole:
        # An earlier step may have been meant to fail: what ended the run is the last one that ran.
        ended = _with_way_to_failure(body) if ran and has_failed(cells[ran - 1]) else body
        body = join([ended, not_run(cells[ran:])])
    if not body.strip():
        body = Markup('<p class="missing">The notebook has no cells.</p>')
    contents = _contents(headings) if len(headings) >= ENOUGH_FOR_CONTENTS else Markup()
    return page(title, header=heading(title, facts), body=join([contents, body]), style=CODE_STYLE)


def _with_way_to_failure(body: Markup) -> Markup:
    """Lead to the step that failed, the last one that ran, from above all that was found before it."""
    before, step, after = body.rpartition(FAILED)
    if not step:
        return body
    way = Markup('<p><a href="#failed-step">See the step that failed</a></p>')
    return join([way, before + NAMED + after])


def _without_title(body: Markup, title: str) -> Markup:
    """Leave out the notebook's own title where the page's repeats it."""
    first = TITLE.search(body)
    if first is None or not title.startswith(body[slice(*first.span(1))].striptags()):
        return body
    return body[: first.start()] + body[first.end() :]


def _contents(headings: list[tuple[str, Markup]]) -> Markup:
    lines = Markup().join(Markup('<li><a href="#{}">{}</a></li>').format(anchor, text) for anchor, text in headings)
    return Markup('<nav class="contents" aria-label="Contents"><ol>{}</ol></nav>').format(lines)
