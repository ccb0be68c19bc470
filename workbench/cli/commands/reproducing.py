"""The command that makes a kept run again and says what is equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.commands.common import NO, json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@click.option("--here", is_flag=True, help="Run with what is installed here: would an upgrade change it?")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Give a parameter anew.")
@store_option
@json_option
def reproduce(ref: str, here: bool, given: tuple[str, ...], store: Path, as_json: bool) -> int:
    """Run an experiment again as it was; say what is equal to the last bit, what differs, and what may be why.

    Its notebook is run, with the packages of its lock: do this with experiments of people you trust.

    \b
    workbench reproduce churn@1f3a
    workbench reproduce churn@1f3a --here
    """
    from workbench import workflow
    from workbench.cli import text
    from workbench.cli.progress import Progress

    with Progress(quiet=as_json) as progress:

        def hear(event: dict[str, Any]) -> None:
            if event.get("long"):
                progress.console.print(event["name"], highlight=False)
            progress.hear(event)

        done = workflow.reproduce(ref, here=here, texts=given, store=store, on_event=hear)
    tell(done.as_document(), as_json, lambda: text.line(f"{done}\nreport: {done.path / 'report.html'}"))
    if done.found.status[0] != done.status:
        return 1
    return 0 if done.equal else NO
