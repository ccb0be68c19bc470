"""The commands by which experiments go to a URL and come from one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.commands.common import json_option, store_option, tell, workbench

if TYPE_CHECKING:
    from workbench.experiment.sharing.remote import Heard, Moved

LINE_SECONDS = 10  # a log file gets a line every ten seconds


@workbench.command()
@click.argument("ref")
@click.argument("url")
@click.option("--with-changes", is_flag=True, help="Bring along what was changed in the repository and not committed.")
@click.option("--without-data", is_flag=True, help="Leave out the tables, and whatever else values of them stand in.")
@store_option
@json_option
def push(ref: str, url: str, with_changes: bool, without_data: bool, store: Path, as_json: bool) -> None:
    """Bring one experiment to a URL; a batch together with its runs.

    \b
    workbench push churn /mnt/team/experiments
    workbench push churn s3://bucket/experiments
    workbench push churn oci://registry.example/team/experiments
    """
    from workbench import workflow

    with _bytes(quiet=as_json) as heard:
        moved = workflow.push(ref, url, with_changes=with_changes, without_data=without_data, store=store, heard=heard)
    tell(_document(moved), as_json, lambda: _say(moved, "sent"))


@workbench.command()
@click.argument("url")
@click.argument("ref")
@store_option
@json_option
def pull(url: str, ref: str, store: Path, as_json: bool) -> None:
    """Take one experiment, or a batch with its runs, from a URL into the store. Nothing in it is run.

    \b
    workbench pull s3://bucket/experiments churn
    """
    from workbench import workflow

    with _bytes(quiet=as_json) as heard:
        moved = workflow.pull(url, ref, store=store, heard=heard)
    tell(_document(moved), as_json, lambda: _say(moved, "loaded"))


def _document(moved: Moved) -> dict[str, Any]:
    *runs, last = map(str, moved.references)
    return {"ref": last, "runs": runs, "files": moved.files, "bytes": moved.bytes, "absent": moved.absent}


def _say(moved: Moved, verb: str) -> None:
    from workbench.pages.words import count, size

    runs = f" and {count(len(moved.references) - 1, 'run')}" if len(moved.references) > 1 else ""
    facts = f"{count(moved.files, 'file')}, {size(moved.bytes)} {verb}" if moved.files else "it was there already"
    click.echo(f"{moved.references[-1]}{runs} ({facts})")
    if moved.absent:
        click.echo(f"Not {verb}: {', '.join(dict.fromkeys(moved.absent))}.", err=True)


@contextmanager
def _bytes(*, quiet: bool) -> Iterator[Heard]:
    """Show bytes on stderr: as a bar on a terminal, elsewhere as a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    is_bar = sys.stderr.isatty() and not quiet
    columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_bar)
    task, said = bar.add_task("", total=None), time.monotonic()

    def heard(done: int, total: int) -> None:
        nonlocal said
        bar.update(task, completed=done, total=total)
        if not is_bar and not quiet and time.monotonic() - said > LINE_SECONDS:
            said = time.monotonic()
            click.echo(f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB", err=True)

    with bar:
        yield heard
