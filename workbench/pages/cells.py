"""The cells of an executed notebook as HTML: texts and results in order, the code folded."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from nbconvert.filters import ansi2html, strip_ansi
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from workbench.pages.blocks import folded, join
from workbench.pages.sanitize import clean
from workbench.pages.words import count

Output = Mapping[str, Any]
CODE_STYLE: str = HtmlFormatter(style="xcode").get_style_defs(".highlight")
PARAMETERS = {"parameters": "Show the parameters' defaults", "injected-parameters": "Show the parameters of this run"}
LONG = 40  # lines of plain text that are shown before the rest is folded
HEADING = re.compile(r"<h([12])>(.*?)</h\1>", re.DOTALL)
LAST_STATE = re.compile(r"[^\n]*\r(?!\n)")  # a progress bar rewrites its line: only what it showed last stays


def render_cells(cells: Sequence[Mapping[str, Any]]) -> Markup:
    """Show all cells one after another."""
    return join(_cell(cell) for cell in cells if "papermill-error-cell-tag" not in _tags(cell))


def steps_until_it_ended(cells: Sequence[Mapping[str, Any]]) -> int:
    """Count the cells up to the last one that ran, whether it ended well or not."""
    ran = [place for place, cell in enumerate(cells, 1) if cell.get("execution_count") or cell.get("outputs")]
    return max(ran, default=0)


def has_failed(cell: Mapping[str, Any]) -> bool:
    """Whether a step ended with an error."""
    return any(output.get("output_type") == "error" for output in cell.get("outputs", []))


def not_run(cells: Sequence[Mapping[str, Any]]) -> Markup:
    """Fold what a run never came to: headings of what is not there only hide what is."""
    steps = sum(cell["cell_type"] == "code" and bool(_text(cell["source"]).strip()) for cell in cells)
    if not steps:
        return render_cells(cells)
    return folded(f"Show {count(steps, 'step that', 'steps that')} did not run", render_cells(cells))


def anchored(body: Markup) -> tuple[Markup, list[tuple[str, Markup]]]:
    """Give the main headings of markdown an anchor each; return the body and (anchor, heading) of the second level."""
    found: list[tuple[str, Markup]] = []

    def anchor(match: re.Match[str]) -> str:
        name = f"section-{len(found) + 1}"
        if match.group(1) == "2":
            found.append((name, Markup(Markup(match.group(2)).striptags())))  # noqa: S704  # cleaned before, as the body
            return f'<h2 id="{name}">{match.group(2)}</h2>'
        return match.group()

    return Markup(HEADING.sub(anchor, str(body))), found  # noqa: S704  # it was Markup before


def _cell(cell: Mapping[str, Any]) -> Markup:
    if cell["cell_type"] == "markdown":
        return Markup('<section class="text">{}</section>').format(_markdown(cell))
    if cell["cell_type"] == "code":
        return join([_code(cell), *_outputs(cell.get("outputs", []))])
    return Markup()


def _markdown(cell: Mapping[str, Any]) -> Markup:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True, attachments=cell.get("attachments") or {})
    try:
        return clean(MarkdownWithMath(renderer=renderer).render(_text(cell["source"])))
    except InvalidNotebook:  # it names a picture that it does not hold
        return Markup("<pre>{}</pre>").format(_text(cell["source"]))


def _code(cell: Mapping[str, Any]) -> Markup:
    source = _text(cell["source"]).strip()
    if not source:
        return Markup()
    colored = Markup(highlight(source, PythonLexer(), HtmlFormatter()))  # noqa: S704  # pygments escapes the code
    summary = next((PARAMETERS[tag] for tag in _tags(cell) if tag in PARAMETERS), "Show code")
    return folded(summary, colored, kind="code")


def _outputs(outputs: Sequence[Output]) -> list[Markup]:
    said = "".join(_text(output["text"]) for output in outputs if _is_stream(output, "stderr"))
    shown = [_output(output) for output in _merged(outputs) if not _is_stream(output, "stderr")]
    blocks = [Markup('<div class="output">{}</div>').format(block) for block in shown if block]
    if said.strip():
        blocks.append(folded(f"Show messages ({count(len(_settled(said).splitlines()), 'line')})", _terminal(said)))
    return blocks


def _merged(outputs: Sequence[Output]) -> list[Output]:
    """Join neighbouring pieces of one stream: a kernel sends them as it pleases."""
    merged: list[Output] = []
    for output in outputs:
        if merged and _is_stream(output, "stdout") and _is_stream(merged[-1], "stdout"):
            merged[-1] = {**merged[-1], "text": _text(merged[-1]["text"]) + _text(output["text"])}
        else:
            merged.append(output)
    return merged


def _output(output: Output) -> Markup:
    if output["output_type"] == "stream":
        return _plain(_text(output["text"]))
    if output["output_type"] == "error":
        return _failure(output)
    data, metadata = output.get("data", {}), output.get("metadata", {})
    for kind, show in SHOWN.items():
        if kind in data and (block := show(_text(data[kind]), metadata.get(kind) or metadata)):
            return block
    if data:
        return Markup('<p class="missing">An interactive output, which a page without scripts cannot show.</p>')
    return Markup()


def _html(text: str, _: Mapping[str, Any]) -> Markup:
    block = clean(text)
    if not block.striptags().strip() and "<img" not in block:
        return Markup()  # it was all script: let the next form of the same output speak
    return Markup('<div class="wb-scroll" tabindex="0" role="group" aria-label="Result">{}</div>').format(block)


def _image(kind: str) -> Callable[[str, Mapping[str, Any]], Markup]:
    def show(text: str, metadata: Mapping[str, Any]) -> Markup:
        coded = base64.b64encode(text.encode()).decode() if kind == "image/svg+xml" else "".join(text.split())
        size = Markup().join(
            Markup(' {}="{}"').format(side, metadata[side])
            for side in ("width", "height")
            if isinstance(metadata.get(side), int)
        )
        alt = metadata.get("alt") or "Picture made by the notebook"
        return Markup(
            '<div class="wb-scroll wb-picture" tabindex="0" role="group" aria-label="Picture">'
            '<img src="data:{};base64,{}" alt="{}"{}></div>'
        ).format(kind, coded, alt, size)

    return show


def _markdown_output(text: str, _: Mapping[str, Any]) -> Markup:
    return _markdown({"source": text})


def _plain(text: str, _: Mapping[str, Any] | None = None) -> Markup:
    lines = _settled(text).rstrip().splitlines()
    if len(lines) <= LONG + 5:
        return _terminal("\n".join(lines)) if lines else Markup()
    rest = folded(f"Show {len(lines) - LONG} more lines", _terminal("\n".join(lines[LONG:])))
    return join([_terminal("\n".join(lines[:LONG])), rest])


def _failure(output: Output) -> Markup:
    reason = strip_ansi(f"{output.get('ename', 'Error')}: {output.get('evalue', '')}").strip().rstrip(":")
    trace = "\n".join(output.get("traceback", []))
    more = folded("Show the traceback", _terminal(trace)) if len(trace.splitlines()) > 1 else Markup()
    return Markup(
        '<div class="failed" role="alert"><p><strong>This step failed; the steps after it did not run.</strong></p>'
        "<p>{}</p>{}</div>"
    ).format(reason, more)


SHOWN: dict[str, Callable[[str, Mapping[str, Any]], Markup]] = {  # the richest form first
    "text/html": _html,
    "image/svg+xml": _image("image/svg+xml"),
    "image/png": _image("image/png"),
    "image/jpeg": _image("image/jpeg"),
    "image/gif": _image("image/gif"),
    "text/markdown": _markdown_output,
    "text/latex": _plain,
    "text/plain": _plain,
}


def _terminal(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(Markup(ansi2html(_settled(text).rstrip())))  # noqa: S704  # ansi2html escapes


def _settled(text: str) -> str:
    return LAST_STATE.sub("", text.replace("\r\n", "\n").rstrip("\r"))


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _is_stream(output: Output, name: str) -> bool:
    return output.get("output_type") == "stream" and output.get("name") == name
