"""The commands. Each asks the workflow and shows what it answers; what they import heavily, they import inside."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from workbench import __version__

NO = 3  # a gate or check said no

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


@workbench.command()
@store_option
def demo(store: Path) -> int:
    """Walk the whole line on a real data set, in about a minute."""
    from workbench.cli.demo import walk

    return walk(store)


@workbench.command()
@click.argument("name", required=False)
@click.option("--copy", is_flag=True, help="Put a copy of the template here, to read or edit.")
@json_option
def templates(name: str | None, copy: bool, as_json: bool) -> None:
    """Show the gallery, or one template's parameters."""
    from workbench import workflow
    from workbench.cli import text

    if copy and not name:
        raise click.UsageError("Name the template to copy: workbench templates classification --copy")
    if name and copy:
        copied = workflow.copy_template(name, Path.cwd())
        told = f"Copied to {copied}. Open it with: jupyter lab {copied.name}"
        _tell({"path": str(copied)}, as_json, lambda: text.line(told))
    elif name:
        document = workflow.template(name)
        _tell(document, as_json, lambda: text.template(document))
    else:
        gallery = workflow.templates()
        _tell(gallery, as_json, lambda: text.gallery(gallery))


@workbench.command()
@click.argument("template")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--params", "file", type=click.Path(path_type=Path), help="Parameters in a YAML, JSON or TOML file.")
@click.option("--name", help="Name of the experiment; otherwise the target column's, else the data file's.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label, such as farm=17.")
@click.option("--timeout", metavar="TIME", help="Stop the run after this long, such as 10m.")
@click.option("--cell-timeout", metavar="TIME", help="Stop the run when one cell takes this long.")
@click.option("--memory", metavar="SIZE", help="Stop the run when its processes hold more than this, such as 2GB.")
@click.option(
    "--retries",
    type=click.IntRange(0),
    default=0,
    help="Begin anew so often if the kernel was killed from outside or did not start, or a connection failed.",
)
@price_option
@store_option
@json_option
@click.pass_obj
def run(
    started: float,
    template: str,
    given: tuple[str, ...],
    file: Path | None,
    name: str | None,
    labels: tuple[str, ...],
    timeout: str | None,
    cell_timeout: str | None,
    memory: str | None,
    retries: int,
    price: str | None,
    store: Path,
    as_json: bool,
) -> int:
    """Run a template on your data and keep the result as an experiment.

    \b
    workbench run classification -p data=customers.csv -p target=Churn -p budget=60s
    """
    from workbench import workflow
    from workbench.cli import text
    from workbench.cli.progress import Progress

    with Progress(quiet=as_json) as progress:
        done = workflow.run(
            template,
            texts=given,
            file=file,
            name=name,
            labels=workflow.labels(labels),
            timeout=timeout,
            cell_timeout=cell_timeout,
            memory_limit=memory,
            retries=retries,
            price=price,
            store=store,
            started=started,
            on_event=progress.hear,
        )
    document = done.as_document()
    _tell(document, as_json, lambda: text.run(document))
    return 0 if done.status == "completed" else 1


@workbench.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--workers", type=click.IntRange(1, 1024), help="Runs at a time; by default one for each core.")
@click.option("--dry-run", is_flag=True, help="Show the plan, what is done already and how long it may take.")
@click.option("--rerun", type=click.Choice(["failed"]), help="Run again what failed before.")
@click.option("--cluster", metavar="ADDRESS", help="Run on the workers of a Dask cluster: tcp://host:8786.")
@click.option("--share", metavar="URL", help="Where workers that do not see the store hand experiments over.")
@click.option("--export", "scheduler", type=click.Choice(["airflow"]), help="Write a DAG to FILE; start nothing.")
@price_option
@store_option
@json_option
@click.pass_obj
def batch(
    started: float,
    spec: Path,
    file: Path | None,
    workers: int | None,
    dry_run: bool,
    rerun: str | None,
    cluster: str | None,
    share: str | None,
    scheduler: str | None,
    price: str | None,
    store: Path,
    as_json: bool,
) -> int:
    """Run a template many times, as a spec says; the same command again finishes what is missing.

    \b
    workbench batch farms.yaml --dry-run
    workbench batch farms.yaml
    workbench batch farms.yaml --export airflow dags/farms.py
    """
    from workbench import workflow
    from workbench.cli import batches, text

    if file is not None and scheduler is None:
        raise click.UsageError(f"What is {str(file)!r}? A file is named for what --export airflow writes.")
    if scheduler is not None:
        written = workflow.export_airflow(spec, file, workers=workers, store=store)
        where = f"Written to {written}. Put it where Airflow finds it."
        _tell({"path": str(written)}, as_json, lambda: text.line(where))
        return 0

    again: Any = rerun
    with batches.Progress(quiet=as_json) as progress:
        told: dict[str, Any] = {"workers": workers, "rerun": again, "cluster": cluster, "price": price, "store": store}
        told["on_event"] = progress.hear
        if dry_run:
            foreseen = workflow.foresee(spec, **told).as_document()
        else:
            done = workflow.batch(spec, **told, share=share, started=started).as_document()
    if dry_run:
        _tell(foreseen, as_json, lambda: batches.foreseen(foreseen))
        return 0
    again = shlex.join(["workbench", "batch", str(spec), *_typed("store", "cluster")])
    _tell(done, as_json, lambda: batches.batch(done, again))
    return 0 if done["status"] == "completed" else 1


@workbench.command(name="list")
@click.argument("name", required=False)
@store_option
@json_option
def list_(name: str | None, store: Path, as_json: bool) -> None:
    """List experiments, newest first."""
    from workbench import workflow
    from workbench.cli import text

    rows = [experiment.as_document() for experiment in workflow.experiments(name, store=store)]
    _tell(rows, as_json, lambda: text.listing(rows, store))


@workbench.command()
@click.argument("ref")
@store_option
@json_option
def show(ref: str, store: Path, as_json: bool) -> None:
    """Show one experiment: scores, data checks, parameters, files."""
    from workbench import workflow
    from workbench.cli import text

    document = workflow.show(ref, store=store)
    _tell(document, as_json, lambda: text.show(document))


@workbench.command()
@click.argument("refs", nargs=-1, required=True)
@click.option("--html", type=click.Path(path_type=Path), help="Write the comparison as one HTML page as well.")
@store_option
@json_option
def compare(refs: tuple[str, ...], html: Path | None, store: Path, as_json: bool) -> None:
    """Rank experiments, with intervals, and say which are tied."""
    from workbench import workflow
    from workbench.cli import text

    compared = workflow.compare(*refs, store=store, html=html)
    _tell(compared.as_document(), as_json, lambda: text.comparison(compared, html))


@workbench.command()
@click.argument("one")
@click.argument("other")
@store_option
@json_option
def diff(one: str, other: str, store: Path, as_json: bool) -> None:
    """Show what differs between two experiments: parameters, data, code, environment, scores."""
    from workbench import workflow
    from workbench.cli import text

    differs = workflow.diff(one, other, store=store)
    _tell(differs.as_document(), as_json, lambda: text.line(str(differs)))


@workbench.command(name="open")
@click.argument("ref")
@store_option
@json_option
def open_(ref: str, store: Path, as_json: bool) -> None:
    """Open an experiment's report in the browser, and print where it is."""
    from workbench import workflow

    report = workflow.report(ref, store=store)
    _tell({"path": str(report)}, as_json, lambda: click.echo(report))
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
    _tell({"path": str(written.path), "note": written.note}, as_json, lambda: text.line("\n".join(told)))


@workbench.command()
@click.argument("ref")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@json_option
def export(ref: str, file: Path, store: Path, as_json: bool) -> None:
    """Write one experiment to one zip file; a batch together with its runs."""
    from workbench import workflow

    written = workflow.export(ref, file, store=store)
    size = f"{written.stat().st_size / 1e6:.1f} MB"
    _tell({"path": str(written), "bytes": written.stat().st_size}, as_json, lambda: click.echo(f"{written} ({size})"))


@workbench.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@json_option
def import_(file: Path, store: Path, as_json: bool) -> None:
    """Take an experiment, or a batch with its runs, from a zip file into the store. Nothing in it is run."""
    from workbench import workflow

    ref = workflow.import_(file, store=store)
    _tell({"ref": ref}, as_json, lambda: click.echo(ref))


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
    _tell(document, as_json, lambda: text.promotion(document))
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
    _tell(document, as_json, lambda: click.echo(f"{output} ({written.rows:,} rows)"))


def _tell(document: Any, as_json: bool, as_text: Callable[[], None]) -> None:
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        as_text()


def _typed(*names: str) -> list[str]:
    """Repeat those of these options that were typed, for a command that is to do the same again."""
    context = click.get_current_context()
    typed = [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return [part for name in typed for part in (f"--{name}", str(context.params[name]))]
