"""The commands that look at what was kept: one experiment, several side by side."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from workbench.cli.commands.common import json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@store_option
@json_option
def show(ref: str, store: Path, as_json: bool) -> None:
    """Show one experiment: scores, data checks, parameters, files."""
    from workbench import workflow
    from workbench.cli import text

    document = workflow.show(ref, store=store)
    tell(document, as_json, lambda: text.show(document))


@workbench.command()
@click.argument("refs", nargs=-1, required=True)
@click.option("--metric", help="Rank all by this metric; by default each stands with the one it was searched by.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the comparison as one HTML page as well.")
@store_option
@json_option
def compare(refs: tuple[str, ...], metric: str | None, html: Path | None, store: Path, as_json: bool) -> None:
    """Rank experiments, with intervals; say which are tied, and which cannot be ranked together."""
    from workbench import workflow
    from workbench.cli import text

    compared = workflow.compare(*refs, store=store, metric=metric, html=html)
    tell(compared.as_document(), as_json, lambda: text.comparison(compared, html))


@workbench.command()
@click.argument("one")
@click.argument("other")
@click.option("--html", type=click.Path(path_type=Path), help="Write the difference as one HTML page as well.")
@store_option
@json_option
def diff(one: str, other: str, html: Path | None, store: Path, as_json: bool) -> None:
    """Show what differs between two experiments: parameters, data, code, environment, scores."""
    from workbench import workflow
    from workbench.cli import text

    differs = workflow.diff(one, other, store=store, html=html)
    tell(differs.as_document(), as_json, lambda: text.comparison(differs, html))


@workbench.command(name="open")
@click.argument("ref")
@store_option
@json_option
def open_(ref: str, store: Path, as_json: bool) -> None:
    """Open an experiment's report in the browser, and print where it is."""
    from workbench import workflow

    report = workflow.report(ref, store=store)
    tell({"path": str(report)}, as_json, lambda: click.echo(report))
    if sys.stdout.isatty():
        click.launch(report.as_uri())


@workbench.command()
@click.argument("ref")
@click.argument("number", type=int)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to; by default NAME-trial-NUMBER.ipynb.")
@store_option
@json_option
def trial(ref: str, number: int, output: Path | None, store: Path, as_json: bool) -> None:
    """Write a notebook that makes one trial's model again, without the workbench.

    \b
    workbench trial churn 3
    """
    from workbench import workflow
    from workbench.cli import text

    written = workflow.trial(ref, number, output, store=store)
    told = [f"Written to {written.path}. Open it with: jupyter lab {written.path}", *filter(None, [written.note])]
    tell({"path": str(written.path), "note": written.note}, as_json, lambda: text.line("\n".join(told)))
