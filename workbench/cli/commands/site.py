"""The command that writes experiments as a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.commands.common import json_option, store_option, tell, workbench

if TYPE_CHECKING:
    from workbench.workflow import Site


@workbench.command()
@click.argument("refs", nargs=-1)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", default="Experiments", show_default=True, help="What the first page is called.")
@click.option("--without-data", is_flag=True, help="Leave out whatever may hold values of the data, the reports too.")
@store_option
@json_option
def site(refs: tuple[str, ...], folder: Path, title: str, without_data: bool, store: Path, as_json: bool) -> None:
    """Write experiments as a site: a folder of pages to open, to send, or to put on a web server.

    Without REFS all that the store holds; a plain name stands for all experiments of that name, a batch for its runs,
    too; filters are those of `workbench list`. The same command again brings the site up to date.

    \b
    workbench site public
    workbench site churn farms@1f3a public --without-data
    workbench site tag=public since=30d public
    """
    from workbench import workflow
    from workbench.cli import text
    from workbench.cli.progress import files

    with files("writing", quiet=as_json) as told:
        written = workflow.site(*refs, folder=folder, store=store, title=title, without_data=without_data, told=told)
    tell(written.as_document(), as_json, lambda: text.line(_said(written)))


def _said(written: Site) -> str:
    from workbench.pages.words import count

    files = written.written
    how = f"{count(files.new, 'file')} written, {files.same:,} as before, {files.removed:,} removed"
    left_out = [f"left out: {ref}: {reason}" for ref, reason in written.left_out.items()]
    return "\n".join([str(written.path), f"{count(written.experiments, 'experiment')}: {how}", *left_out])
