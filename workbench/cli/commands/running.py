"""The commands that run templates: one run, many, and the gallery."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from workbench.cli.commands.common import json_option, price_option, store_option, tell, typed, workbench


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
        tell({"path": str(copied)}, as_json, lambda: text.line(told))
    elif name:
        document = workflow.template(name)
        tell(document, as_json, lambda: text.template(document))
    else:
        gallery = workflow.templates()
        tell(gallery, as_json, lambda: text.gallery(gallery))


class Running(click.Command):
    """A command that tells who types ``target=Churn`` how a parameter is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        ctx.allow_extra_args = True  # they are refused here, in words that help
        rest = super().parse_args(ctx, args)
        if rest:
            is_parameter = "=" in rest[0]
            given = f"-p {shlex.quote(rest[0])}" if is_parameter else "-p 'data=my table.csv'"
            remedy = "Each parameter has its own -p" if is_parameter else "A value with a space in it stands in quotes"
            raise click.UsageError(f"What is {rest[0]!r}? {remedy}: {given}")
        return rest


@workbench.command(cls=Running)
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
    tell(document, as_json, lambda: text.run(document))
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
        tell({"path": str(written)}, as_json, lambda: text.line(where))
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
        tell(foreseen, as_json, lambda: batches.foreseen(foreseen))
        return 0
    again = shlex.join(["workbench", "batch", str(spec), *typed("store", "cluster")])
    tell(done, as_json, lambda: batches.batch(done, again))
    return 0 if done["status"] == "completed" else 1
