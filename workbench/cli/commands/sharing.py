"""The commands by which experiments leave a store and come to another."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.commands.common import json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--with-changes", is_flag=True, help="Take along what was not committed in the template's repository.")
@click.option("--without-data", is_flag=True, help="Leave out the tables, and all that quotes values of them.")
@store_option
@json_option
def export(ref: str, file: Path, with_changes: bool, without_data: bool, store: Path, as_json: bool) -> None:
    """Write one experiment to one zip file, with the tables it was given; a batch together with its runs."""
    from workbench import workflow
    from workbench.pages.words import size

    written = workflow.export(ref, file, with_changes=with_changes, without_data=without_data, store=store)
    number = written.stat().st_size
    tell({"path": str(written), "bytes": number}, as_json, lambda: click.echo(f"{written} ({size(number)})"))


@workbench.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@json_option
def import_(file: Path, store: Path, as_json: bool) -> None:
    """Take an experiment, or a batch with its runs, from a zip file into the store. Nothing in it is run."""
    from workbench import workflow

    ref = workflow.import_(file, store=store)
    tell({"ref": ref}, as_json, lambda: click.echo(ref))


@workbench.command()
@click.argument("ref")
@click.option(
    "--key", required=True, type=click.Path(path_type=Path), help="A private key, PEM: P-256, P-384 or P-521."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The signature's file. By default NAME@HEX.sig.")
@store_option
@json_option
def sign(ref: str, key: Path, output: Path | None, store: Path, as_json: bool) -> None:
    """Vouch for an experiment with a key, in the form of OpenSSF Model Signing; `verify --key` tells others.

    The password of a key stands in WORKBENCH_KEY_PASSWORD.
    """
    from workbench import workflow

    signed = workflow.sign(ref, key, output, store=store)
    tell(signed.as_document(), as_json, lambda: click.echo(str(signed.path)))
