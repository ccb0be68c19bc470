"""What the commands have in common: the group they belong to, options that several take, and how they answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from workbench import __version__
from workbench.cli.terminal import escaped

NO = 3  # a gate or check said no
AT_ONCE = 1000  # lines of JSON: with the line breaks of a document that people read, each takes four times as long

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    envvar="WORKBENCH_STORE",
    default=Path("workbench-store"),
    show_default=True,
    help="The folder experiments and models are kept in.",
)
price_option = click.option("--price", help="What an hour of this machine costs, such as '0.10 EUR/h'.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="workbench")
def workbench() -> None:
    """Run notebook templates on your data, keep every run, compare, promote the winner, predict with it."""


def tell(document: Any, as_json: bool, as_text: Callable[[], None]) -> None:
    """Answer with a document as JSON, or as `as_text` puts it into words."""
    if as_json:
        told = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        click.echo(escaped(told))
    else:
        as_text()


def tell_rows(documents: Iterable[Any]) -> None:
    """Answer with an array as JSON, a document a line, written as they come: there may be a hundred thousand."""
    lines = (json.dumps(one, ensure_ascii=False, allow_nan=False) for one in documents)
    apart = "[\n"
    while part := ",\n".join(islice(lines, AT_ONCE)):
        click.echo(escaped(f"{apart}{part}"), nl=False)
        apart = ",\n"
    click.echo("[]" if apart == "[\n" else "\n]")


def typed(*names: str) -> list[str]:
    """Repeat those of these options that were typed, for a command that is to do the same again."""
    context = click.get_current_context()
    typed = [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return [part for name in typed for part in (f"--{name}", str(context.params[name]))]
