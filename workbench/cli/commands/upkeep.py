"""The commands by which experiments are verified and a store is looked after."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from workbench.cli.commands.common import NO, json_option, store_option, tell, workbench


@workbench.command()
@click.argument("ref")
@click.option("--key", type=click.Path(path_type=Path), help="The public key of who signed it, PEM.")
@click.option("--signature", type=click.Path(path_type=Path), help="What `sign` wrote. By default NAME@HEX.sig.")
@store_option
@json_option
def verify(ref: str, key: Path | None, signature: Path | None, store: Path, as_json: bool) -> int:
    """Check every byte of an experiment: a reference, a folder or a zip.

    Exit code 3 when a file is extra, missing, changed or cut short; each is named. With --key, also whether it is what
    the owner of the key signed.
    """
    from workbench import workflow

    if signature is not None and key is None:
        raise click.UsageError("--signature needs --key, the public key of who signed.")
    found = workflow.verify(ref, store=store)
    if key is not None:
        found = workflow.verify_signature(found, key, signature)
    tell(found.as_document(), as_json, lambda: _say_verified(found.as_document()))
    return 0 if found.whole else NO


@workbench.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@store_option
@json_option
def gc(dry_run: bool, store: Path, as_json: bool) -> None:
    """Free what nothing in a store refers to and is older than a day: objects, halves of killed processes."""
    from workbench import workflow

    with _steps("reading manifests", quiet=as_json) as on_step:
        freed = workflow.gc(dry_run=dry_run, store=store, on_step=on_step)
    tell(freed.as_document(), as_json, lambda: _say_freed(freed.as_document()))


@workbench.command()
@store_option
@json_option
def fsck(store: Path, as_json: bool) -> int:
    """Check every byte of a store: experiments, objects, models, runs, notes.

    Exit code 3 when something is wrong; each thing is named.
    """
    from workbench import workflow

    with _steps("checking", quiet=as_json) as on_step:
        checked = workflow.fsck(store=store, on_step=on_step)
    tell(checked.as_document(), as_json, lambda: _say_checked(checked.as_document()))
    return 0 if checked.whole else NO


def _say_verified(document: Mapping[str, Any]) -> None:
    from workbench.cli.text import line
    from workbench.pages.words import count

    for problem in document["problems"]:
        line(f"✗ {problem}")
    for note in document["notes"]:
        line(f"· {note}")
    found = f"{count(len(document['problems']), 'problem')} found"
    line(f"{document['ref']}: " + (f"whole, {count(document['files'], 'file')}" if document["whole"] else found))


def _say_freed(document: Mapping[str, Any]) -> None:
    from workbench.cli.text import line, rows
    from workbench.pages.words import count, size

    freed = document["freed"]
    if freed:
        rows(("what", "size", "why"), ((one["path"], size(one["bytes"]), one["why"]) for one in freed))
    for told in document["left"]:
        line(f"· {told}")
    done = "would be freed; nothing was removed" if document["dry_run"] else "freed"
    line(f"{size(document['bytes'])} in {count(len(freed), 'place')} {done}.")


def _say_checked(document: Mapping[str, Any]) -> None:
    from workbench.cli.text import line
    from workbench.pages.words import count

    for mark, found in (("✗", document["problems"]), ("·", document["notes"])):
        for one in found:
            line(f"{mark} {one['path']}: {one['problem']}")
    looked = ", ".join(count(number, kind[:-1]) for kind, number in document["checked"].items())
    line(f"{looked}: {'all is whole' if document['whole'] else count(len(document['problems']), 'problem')}.")


@contextmanager
def _steps(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on stderr while something goes on; off a terminal, nothing."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
