"""The commands of models: promoting one, and predicting with it."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.commands.common import NO, json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@click.option("--model", "model", required=True, metavar="NAME", help="The model this becomes a version of.")
@click.option("--policy", type=click.Path(path_type=Path), help="What it must pass, in a YAML file (margin, metric).")
@store_option
@json_option
def promote(ref: str, model: str, policy: Path | None, store: Path, as_json: bool) -> int:
    """Put an experiment's model through the gate; when it passes, package it and make it live."""
    from workbench import workflow
    from workbench.cli import text

    promotion = workflow.promote(ref, model=model, policy=policy, store=store)
    document = promotion.as_document()
    tell(document, as_json, lambda: text.promotion(document))
    return 0 if promotion.passed else NO


@workbench.command()
@click.argument("model")
@click.argument("data")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="A .csv or .parquet file.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="A column of the input to carry over; may be repeated.")
@click.option(
    "--coverage",
    metavar="SHARE",
    help="How sure to be, such as 90%: adds low and high ends of a number, or all classes that are possible.",
)
@click.option("--why", is_flag=True, help="Add the three columns that moved each prediction most; for some 1,000 rows.")
@store_option
@json_option
def predict(
    model: str,
    data: str,
    output: Path,
    keep: tuple[str, ...],
    coverage: str | None,
    why: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Predict a table with a model (model:NAME/live, NAME) or with an experiment's model."""
    from workbench import workflow

    written = workflow.predict(model, data, output, keep=keep, coverage=coverage, why=why, store=store)
    for note in written.notes:
        click.echo(f"workbench: {note}", err=True)
    document = {"path": str(output), "rows": written.rows, "notes": list(written.notes)}
    tell(document, as_json, lambda: click.echo(f"{output} ({written.rows:,} rows)"))
