"""Experiments as a site: a folder of pages that any web server, or none, shows."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadReference, WorkbenchError
from workbench.workflow.place import Where, store_of
from workbench.workflow.site_pages import (
    HOME,
    READ,
    REPORT,
    UNREADABLE,
    Around,
    copied,
    entry_of,
    folder_of,
    has_report,
    page_of,
    read_bytes,
    report_of,
)

if TYPE_CHECKING:
    from workbench.documents.site import Part, Written
    from workbench.experiment import Experiment, Store
    from workbench.experiment.notes import Noted
    from workbench.pages.site import Entry, Way

TITLE = "Experiments"
SIDE_BY_SIDE = 10  # of those measured alike: the best; each is tested against the first of them
GROUPS = 10  # of such, the largest: a page of pictures takes a second to draw
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was written: its first page, how many experiments it shows, and why some are not among them."""

    path: Path
    experiments: int
    written: Written
    left_out: dict[str, str]

    def as_document(self) -> dict[str, Any]:
        """Give what ``site --json`` prints."""
        left_out = [{"ref": ref, "reason": reason} for ref, reason in self.left_out.items()]
        told = {"path": str(self.path), "experiments": self.experiments}
        return told | {"files": asdict(self.written), "left_out": left_out}


@dataclass(frozen=True, slots=True)
class Shown:
    """An experiment, what the table of the site says of it, and what people said of it later."""

    experiment: Experiment
    entry: Entry
    said: Noted


def site(
    *refs: str,
    folder: Path | str,
    store: Where = None,
    title: str = TITLE,
    without_data: bool = False,
    told: Told | None = None,
) -> Site:
    """Write a site of experiments, or write it again.

    Parameters
    ----------
    refs : str
        References; a plain name, or a pattern such as ``farm-*``, stands for all experiments of that name, a batch for
        its runs, too. Filters, as those of a list, say which of the store or of those names. Without any, all of it.
    folder : Path or str
        New, empty, or written to by this verb before: what is no longer asked for is then removed.
    title : str
        Of the first page.
    without_data : bool
        Leave out whatever may hold values of the data.
    told : callable
        Is told how many of how many files are done.

    Raises
    ------
    BadReference
        If a reference matches nothing, or there is nothing to show.
    BadOutput
        If the folder holds something else, or cannot be written.
    """
    from workbench import __version__
    from workbench.documents.site import write_site

    kept = store_of(store)
    experiments, left_out = _asked_for(refs, kept)
    shown = [*_shown(experiments, kept, left_out, without_data=without_data)]
    if not shown:
        raise BadReference(str(kept.path), "holds no experiment to show", "Make one with: workbench demo")
    parts = [*_parts(shown, title, without_data=without_data)]
    maker = f"workbench {__version__}{' without data' if without_data else ''}"
    written = write_site(Path(folder), parts, maker=maker, told=lambda done: told(done, len(parts)) if told else None)
    return Site(Path(folder) / "index.html", len(shown), written, left_out)


def _asked_for(words: Sequence[str], store: Store) -> tuple[list[Experiment], dict[str, str]]:
    """Find the experiments, newest first, each once; say which are damaged."""
    from workbench.experiment import resolve
    from workbench.experiment.finding.listing import age

    names, filters, refs = _sorted_out(words, store)
    found: dict[str, Experiment] = {}
    damaged: dict[str, str] = {}
    listed = _listed(names, filters, store) if names or filters or not refs else []
    for one in [*_loaded(store, listed, damaged), *(resolve(ref, store) for ref in refs)]:
        found |= {str(one.reference): one} | _runs(one, store, damaged)
    return sorted(found.values(), key=age, reverse=True), damaged


def _sorted_out(words: Sequence[str], store: Store) -> tuple[list[str], list[str], list[str]]:
    """Tell names of the store, and patterns of them, filters and references apart."""
    from workbench.experiment.finding.query import is_filter

    filters = [word for word in words if is_filter(word)]
    known = {*store.names()}
    names = [word for word in words if word.lower() in known or ("*" in word and word not in filters)]
    return names, filters, [word for word in words if word not in (*filters, *names)]


def _listed(names: Sequence[str], filters: Sequence[str], store: Store) -> list[str]:
    from workbench.experiment import experiments

    wanted: Sequence[str | None] = names or [None]
    return [str(one.reference) for name in wanted for one in experiments(store, name, where=filters)]


def _runs(batch: Experiment, store: Store, damaged: dict[str, str]) -> dict[str, Experiment]:
    from workbench.experiment import children

    runs = children(batch) if batch.manifest["kind"] == "batch" else []
    return {str(one.reference): one for one in _loaded(store, runs, damaged)}


def _loaded(store: Store, refs: Sequence[str], damaged: dict[str, str]) -> Iterator[Experiment]:
    """Open kept experiments; nothing comes of one that is not there, such as a run under way."""
    from workbench.documents.experiment import NAME, VERSION
    from workbench.experiment import load
    from workbench.records import Reference

    for reference in map(Reference.parse, refs):
        is_one = NAME.fullmatch(reference.name) and VERSION.fullmatch(reference.version)  # a batch may name anything
        try:
            if is_one and store.folder(reference).is_dir():
                yield load(store.folder(reference))
        except WorkbenchError as error:
            damaged[str(reference)] = str(error)


def _shown(
    experiments: Sequence[Experiment], store: Store, left_out: dict[str, str], *, without_data: bool
) -> Iterator[Shown]:
    from workbench.experiment import notes

    noted = {*notes.noted(store)}
    for one in experiments:
        said = notes.read(store, one.reference) if one.reference in noted else notes.Noted()
        try:
            yield Shown(one, entry_of(one, said.tags, without_data=without_data), said)
        except UNREADABLE as error:
            left_out[str(one.reference)] = str(error) if isinstance(error, WorkbenchError) else "Its task is damaged."


def _parts(shown: Sequence[Shown], title: str, *, without_data: bool) -> Iterator[Part]:
    """Give every file of the site, the index last: what it leads to is there by then."""
    from workbench.documents.site import Part
    from workbench.pages.site import Way, index_page

    entries = {one.entry.ref: one.entry for one in shown}
    ways: dict[str, list[Way]] = defaultdict(list)
    comparisons: list[Way] = []
    for group in _alike(shown):
        part, text = _side_by_side(group, without_data=without_data)
        comparisons.append(Way(text, part.name))
        for one in group[:SIDE_BY_SIDE]:
            ways[one.entry.ref].append(Way(f"Side by side: {text}", f"../../../{part.name}"))
        yield part
    for one in shown:
        yield from _experiment(one, Around(entries, ways[one.entry.ref], without_data))
    now = datetime.now(UTC).isoformat()
    yield Part("index.html", lambda: _encoded(index_page(title, [*entries.values()], comparisons, now)))


def _experiment(shown: Shown, around: Around) -> Iterator[Part]:
    from workbench.documents.site import Part

    one, folder = shown.experiment, folder_of(shown.experiment.reference)
    for file in copied(one, without_data=around.without_data):
        yield Part(f"{folder}/{file['name']}", partial(read_bytes, one.path / file["name"]), file["digest"])
    if has_report(one) and not around.without_data:
        # The links of a batch's report depend on which of its runs are in the site.
        key = (
            ""
            if shown.entry.runs is not None
            else next(f["digest"] for f in one.manifest["files"] if f["name"] == REPORT)
        )
        yield Part(f"{folder}/{REPORT}", lambda: report_of(one, around), key)
    page = partial(page_of, one, shown.entry, shown.said, around, home=HOME)
    yield Part(shown.entry.page, lambda: _encoded(page()), _stands_on(shown, around))


def _stands_on(shown: Shown, around: Around) -> str:
    """Tell what a page says without making it: by the manifest, and by what the page says beside that.

    A document that was damaged, and is whole again, is another file.
    """
    from workbench.experiment import children

    manifest = shown.experiment.manifest
    others = [*map(str, manifest["parents"]), *children(shown.experiment)]
    related = [around.entries.get(ref) for ref in others]
    documents = [_state(shown.experiment.path / name) for name in READ]
    return _key(manifest, shown.entry, shown.said, around.comparisons, related, documents)


def _state(file: Path) -> tuple[int, int] | None:
    """Tell one state of a file from another."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode(errors="backslashreplace")).hexdigest()


def _alike(shown: Sequence[Shown]) -> list[list[Shown]]:
    """Put together those whose scores mean the same: the largest groups, the best of each first."""
    from workbench.documents.experiment import REPRODUCTION

    groups: dict[tuple[str, str, str], list[Shown]] = defaultdict(list)
    for one in shown:
        data, score = one.experiment.manifest["data"].get("digest"), one.entry.score
        is_again = one.experiment.manifest["kind"] == REPRODUCTION  # beside its original it says nothing new
        if data and score is not None and one.entry.status == "completed" and not is_again:
            groups[one.entry.target, score.metric, data].append(one)
    several = [sorted(group, key=_loss) for group in groups.values() if len(group) > 1]
    return sorted(several, key=len, reverse=True)[:GROUPS]


def _loss(shown: Shown) -> float:
    score = shown.entry.score
    return 0.0 if score is None else -score.value if score.higher_is_better else score.value


def _side_by_side(group: Sequence[Shown], *, without_data: bool) -> tuple[Part, str]:
    """Compare the best of those that were measured alike, and say what the page is about."""
    from workbench.documents.site import Part
    from workbench.pages.words import count, listing, metric_name, shorten

    best, first = group[:SIDE_BY_SIDE], group[0].entry
    score = first.score
    metric = "" if score is None else score.metric
    about = f"{shorten(first.target)} in {shorten(first.data)} by {metric_name(metric)}"
    of = count(len(group), "experiment") if len(group) == len(best) else f"the best {len(best)} of {len(group):,}"
    names = listing(sorted({one.experiment.name for one in group}), most=3)
    key = _key(*(one.experiment.manifest.get("digest") for one in best))
    place = _key(first.target, metric, group[0].experiment.manifest["data"]["digest"])
    slug = re.sub(r"[^a-z0-9]+", "-", first.target.lower()).strip("-")[:40] or "target"
    page = partial(_comparison, [one.experiment for one in best], about, without_data=without_data)
    return Part(f"comparisons/{slug}-{place[:8]}.html", lambda: _encoded(page()), key), f"{about}: {of} ({names})"


def _comparison(experiments: Sequence[Experiment], title: str, *, without_data: bool) -> str:
    from workbench import comparison
    from workbench.pages.comparison import comparison_page

    pages = {str(one.reference): f"../{folder_of(one.reference)}/index.html" for one in experiments}
    try:
        compared = comparison.compare(experiments).as_document()
    except UNREADABLE:
        return _not_compared(title)
    board = [row | {"report": pages[row["ref"]]} | _told(row, without_data) for row in compared["leaderboard"]]
    return comparison_page(compared | {"leaderboard": board}, title=title)


def _told(row: Mapping[str, Any], without_data: bool) -> dict[str, Any]:
    return {"parameters": {}, "reason": ""} if without_data else {"parameters": row["parameters"]}


def _not_compared(title: str) -> str:
    from markupsafe import Markup

    from workbench.pages.blocks import paragraph
    from workbench.pages.page import page

    said = paragraph("They cannot be compared: some of their documents cannot be read.")
    return page(title, header=Markup("<h1>{}</h1>").format(title), body=said)


def _encoded(html: str) -> bytes:
    return html.encode(errors="replace")  # a lone surrogate, from a name that was no text
