"""The commands that say something of an experiment after it was kept."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.commands.common import json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@click.argument("words", nargs=-1, required=True, metavar="TEXT")
@store_option
@json_option
def note(ref: str, words: tuple[str, ...], store: Path, as_json: bool) -> None:
    """Say something of an experiment, for all who look at it later.

    \b
    workbench note churn "The best so far; the new column helps."
    """
    from workbench import workflow
    from workbench.cli import text

    said = workflow.note(ref, " ".join(words), store=store)
    tell(said.as_document(), as_json, lambda: text.line(f"Noted. See it with: workbench show {ref}"))


@workbench.command()
@click.argument("ref")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@click.option("--remove", is_flag=True, help="Take the tags off.")
@store_option
@json_option
def tag(ref: str, tags: tuple[str, ...], remove: bool, store: Path, as_json: bool) -> None:
    """Put tags on an experiment, or take them off.

    \b
    workbench tag churn baseline checked
    workbench list tag=baseline
    """
    from workbench import workflow
    from workbench.cli import text

    borne = workflow.tag(ref, *tags, remove=remove, store=store)
    told = f"{ref}: {' '.join(borne) or 'no tags'}"
    tell({"tags": borne}, as_json, lambda: text.line(told))
