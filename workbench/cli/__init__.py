"""The command line: arguments → workflow → text or ``--json`` → exit code. Only this room prints.

Exit codes: 0 done · 1 the work failed · 2 the request was refused (one line) · 3 a gate or check said no.
"""

from __future__ import annotations

import sys
import time

STARTED = time.time()  # a budget is the wall time of the whole command

from typing import NoReturn  # noqa: E402  the clock starts before anything is loaded

import click  # noqa: E402

from workbench.cli.commands import workbench  # noqa: E402
from workbench.cli.terminal import plain  # noqa: E402
from workbench.errors import WorkbenchError  # noqa: E402

__all__ = ["main", "workbench"]


def main() -> NoReturn:
    """Run the command line; turn every foreseen error into one line and an exit code."""
    try:
        code = workbench.main(prog_name="workbench", standalone_mode=False, obj=STARTED)
    except WorkbenchError as error:
        click.echo(f"workbench: {plain(str(error))}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"workbench: {error.format_message()}{_see(error)}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("workbench: stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away (workbench list | head); nobody is left to tell
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _see(error: click.ClickException) -> str:
    """Say where it stands what a command takes, to who left something out."""
    command = error.ctx if isinstance(error, click.MissingParameter) else None
    return f" See: {command.command_path} --help" if command else ""
