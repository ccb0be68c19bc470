"""The command that lists experiments: a name, filters, or neither."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from workbench.cli.commands.common import json_option, store_option, tell_rows, workbench
from workbench.errors import BadFilter

SHOWN = 100  # where no limit is given: a page of a hundred thousand is read by nobody


class Listing(click.Command):
    """A command that tells who types ``--status failed`` how it is said here."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from workbench.experiment.finding.query import FIELDS

            name = error.option_name.lstrip("-")
            if name not in FIELDS:
                raise
            raise click.UsageError(f"A filter is a word of its own: {name}=…, without --.") from error


@workbench.command(name="list", cls=Listing)
@click.argument("words", nargs=-1, metavar="[NAME] [FILTER]...")
@click.option(
    "--sort",
    type=click.Choice(["started", "score", "seconds"]),
    default="started",
    help="The newest, the best or the longest first; the newest by default.",
)
@click.option("--limit", type=click.IntRange(0), help="Show so many; 0 shows all. By default 100, and all with --json.")
@store_option
@json_option
def list_(words: tuple[str, ...], sort: str, limit: int | None, store: Path, as_json: bool) -> None:
    """List experiments, newest first, all or those that filters are true of.

    \b
    workbench list churn status=failed since=7d
    workbench list 'score>0.8' tag=baseline template=classification
    workbench list 'farm-*' farm=17 author=ada until=2026-11-30

    A filter is a field, a comparison (= != > >= < <=) and a value. Quote it where it holds < or >: the shell takes
    these for itself. Fields: score, rows, seconds; name, status, template, author, kind, metric, tag, data (how its
    digest begins); since and until (2026-11-01, 7d, 12h); a metric such as rmse; a label such as farm. A * stands for
    any letters.
    """
    from workbench import workflow
    from workbench.cli import text
    from workbench.cli.listing import laid_out
    from workbench.experiment.finding.query import is_filter

    names, where = [[word for word in words if is_filter(word) is is_one] for is_one in (False, True)]
    if len(names) > 1:
        raise click.UsageError(f"{names[0]!r} and {names[1]!r} are two names: give one, such as 'farm-*' for several.")
    name = names[0] if names else None
    shown = limit if limit is not None or as_json else SHOWN
    with _reading() as hear:
        found = workflow.experiments(name, where=where, sort=sort, limit=shown or None, store=store, on_progress=hear)
    if not found and name is not None:
        _insist_on_comparison(name)
    if as_json:
        tell_rows(experiment.as_document() for experiment in found)
        return
    rows = [experiment.as_document() for experiment in found]
    if rows:
        click.echo(laid_out(rows, text.width()))
    else:
        text.line(_nothing(words, store))
    if found.total > len(rows):  # on stderr: who reads a list by another program sees its lines alone
        click.echo(f"{len(rows):,} of {found.total:,} are shown; --limit 0 shows all.", err=True)


def _insist_on_comparison(name: str) -> None:
    """Refuse a field alone: an unquoted ``>`` was taken by the shell."""
    from workbench.experiment.finding.query import FIELDS
    from workbench.pages.words import METRIC_NAMES

    if name in FIELDS or name in METRIC_NAMES:
        remedy = f"Write it in quotes, '{name}>0.8': otherwise the shell takes > and writes a file of what follows."
        raise BadFilter(name, "compares nothing", remedy)


def _nothing(words: tuple[str, ...], store: Path) -> str:
    if words:
        return f"No experiment in {store} matches {' '.join(words)}. See all with: workbench list"
    return f"No experiments in {store} yet. Make one with: workbench demo"


@contextmanager
def _reading() -> Iterator[Callable[[int, int], None]]:
    """Tell on stderr how far it is while very many manifests are read, which happens once."""
    is_terminal, said = sys.stderr.isatty(), False

    def hear(done: int, total: int) -> None:
        nonlocal said
        if is_terminal:
            click.echo(f"\rReading {total:,} experiments, this once: {done / total:.0%} ", nl=False, err=True)
        elif not said:
            click.echo(f"Reading {total:,} experiments, this once.", err=True)
        said = True

    yield hear
    if said and is_terminal:
        click.echo("\r\x1b[K", nl=False, err=True)
