"""The first page of a site of experiments: a table of all of them, which a reader searches and sorts.

It is whole without its script, newest first; the script only adds the field to search in, and sorting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from workbench.pages.batch import STATUSES
from workbench.pages.blocks import join, paragraph
from workbench.pages.page import page
from workbench.pages.words import count, listing, metric_name, moment, score_interval, score_value, sentence, shorten
from workbench.records import Reference, Score

LONGEST = 60  # letters of a label or a tag
WIDE = "header.top > div, main > div, footer > p { max-width: 1180px; } main p, main ul { max-width: 860px; }"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the table says of one experiment; `page` is where its own page lies, seen from this one.

    `data` is the name of the table, `runs` how many a batch has.
    """

    ref: str
    page: str
    status: str
    started: str
    reason: str = ""
    score: Score | None = None
    template: str = ""
    author: str = ""
    target: str = ""
    data: str = ""
    rows: int | None = None
    runs: int | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()

    @property
    def short(self) -> str:
        """The shortest lasting way to type the reference."""
        return Reference.parse(self.ref).short


@dataclass(frozen=True, slots=True)
class Way:
    """A link to another page: what it is called, and where it lies, seen from the page that leads there."""

    text: str
    page: str


def style() -> str:
    """Give what the pages of a site add to the house's style sheet."""
    return Path(__file__).with_name("site.css").read_text(encoding="utf-8")


def index_page(title: str, entries: Sequence[Entry], comparisons: Sequence[Way], written: str) -> str:
    """Make the first page of a site.

    Parameters
    ----------
    title : str
    entries : sequence of Entry
        Newest first.
    comparisons : sequence of Way
        Pages that set some of them side by side.
    written : str
        When, in ISO 8601.

    Returns
    -------
    str
        The page. It loads nothing, and runs nothing but the script beside this file.
    """
    header = join([Markup("<h1>{}</h1>").format(title), Markup('<p class="lead">{}</p>').format(_lead(entries))])
    body = join([*_table(entries), *_ways(comparisons), Markup('<p class="said">{}</p>').format(_written(written))])
    script = Path(__file__).with_name("site.js").read_text(encoding="utf-8")
    return page(title, header=header, body=body, style=style() + WIDE, script=script)


def pill(status: str) -> Markup:
    """Show how a run ended, in a word and a colour."""
    kind, word = STATUSES.get(status, ("other", sentence(status.replace("_", " "))))
    return Markup('<span class="status {}">{}</span>').format(kind, word)


def chips(labels: Mapping[str, Any], tags: Sequence[str] = ()) -> Markup:
    """Show tags and labels; nothing when there are none."""
    told = [("tag", tag) for tag in tags] + [("label", f"{name}={value}") for name, value in labels.items()]
    each = (
        Markup('<li class="{}" title="{}">{}</li>').format(kind, text, shorten(text, LONGEST)) for kind, text in told
    )
    return Markup('<ul class="chips">{}</ul>').format(Markup().join(each)) if told else Markup()


def when(started: str) -> str:
    """Write when a run began; as it stands where it is no time."""
    try:
        return moment(started)
    except ValueError:
        return started


def _lead(entries: Sequence[Entry]) -> str:
    ended = Counter(entry.status.replace("_", " ") for entry in entries)
    how = [f"{number:,} {status}" for status, number in ended.most_common()] if len(ended) > 1 else []
    return f"{count(len(entries), 'experiment')}{': ' if how else ''}{listing(how)}. Newest first."


def _written(written: str) -> str:
    return f"Written {when(written)}. Open an experiment for its scores, parameters, notes and report."


def _table(entries: Sequence[Entry]) -> list[Markup]:
    if not entries:
        return [paragraph("There is no experiment here yet.")]
    places = _places(entries)
    rows = Markup("\n").join(_row(entry, places.get(entry.ref)) for entry in entries)
    heads = Markup().join(Markup('<th scope="col">{}</th>').format(name) for name in HEADS)
    return [TOOLS, TABLE.format(heads, rows), NONE]


HEADS = ("experiment", "score", "status", "predicts", "template", "author", "began (UTC)", "tags and labels")
TOOLS = Markup(
    '<div class="tools" id="tools" role="search" hidden><label for="search">Search</label>'
    '<input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="name, status, label …">'
    '<span id="told" role="status"></span></div>'
)
NONE = Markup('<p id="none" hidden>No experiment holds all of these words.</p>')
TABLE = Markup(
    '<div class="wb-scroll" tabindex="0" role="group" aria-label="Experiments"><table class="experiments">'
    "<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody></table></div>"
)
ROW = Markup(
    '<tr><td><a class="name" href="{page}" title="{ref}">{short}</a>{about}</td>'
    '<td data-label="score"{place}>{score}</td><td>{status}</td><td data-label="predicts">{predicts}</td>'
    '<td data-label="template">{template}</td><td data-label="by">{author}</td>'
    '<td data-label="began" data-sort="{order}">{began}</td><td>{chips}</td></tr>'
)


def _row(entry: Entry, place: int | None) -> Markup:
    return ROW.format(
        page=quote(entry.page),
        ref=entry.ref,
        short=entry.short,
        about=_small(count(entry.runs, "run") if entry.runs is not None else shorten(entry.reason, 120)),
        place=Markup("") if place is None else Markup(' data-sort="{}"').format(place),
        score=_score(entry.score),
        status=pill(entry.status),
        predicts=_predicts(entry),
        template=shorten(entry.template),
        author=shorten(entry.author),
        order=_order(entry),
        began=_began(entry),
        chips=chips(entry.labels, entry.tags),
    )


def _small(text: str) -> Markup:
    return Markup("<small>{}</small>").format(text) if text else Markup()


def _score(score: Score | None) -> Markup:
    if score is None:
        return Markup()
    told = Markup('<span class="value">{} {}</span>').format(metric_name(score.metric), score_value(score))
    return told + _small(score_interval(score))


def _predicts(entry: Entry) -> Markup:
    return Markup("{}{}").format(shorten(entry.target), _small(shorten(entry.data)))


def _began(entry: Entry) -> Markup:
    """Write when it began, as its version tells: on one line, and in the order it is sorted in."""
    order = _order(entry)
    day, time = f"{order[:4]}-{order[4:6]}-{order[6:8]}", f"{order[8:10]}:{order[10:12]}"
    return Markup('<span class="value">{} {}</span>').format(day, time)


def _order(entry: Entry) -> str:
    """Give the moment a version names as a number that sorts."""
    return "".join(letter for letter in entry.ref.rpartition("@")[2][:16] if letter.isdigit())


def _places(entries: Sequence[Entry]) -> dict[str, int]:
    """Give each score its place when they are sorted: metric by metric, the best of each first."""
    scores = {entry.ref: entry.score for entry in entries if entry.score is not None}
    return {ref: place for place, ref in enumerate(sorted(scores, key=lambda ref: _rank(scores[ref])))}


def _rank(score: Score) -> tuple[str, float]:
    return metric_name(score.metric), -score.value if score.higher_is_better else score.value


def _ways(comparisons: Sequence[Way]) -> list[Markup]:
    if not comparisons:
        return []
    each = Markup().join(Markup('<li><a href="{}">{}</a></li>').format(quote(w.page), w.text) for w in comparisons)
    told = paragraph("Those that were measured alike: the same target, table and metric.")
    return [Markup("<h2>Side by side</h2>"), told, Markup("<ul>{}</ul>").format(each)]
