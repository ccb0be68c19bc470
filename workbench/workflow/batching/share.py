"""Folders at URLs that driver and workers both reach: experiments are handed over there without a common store."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from workbench.documents.redaction import without_credentials
from workbench.errors import BadOutput


def share_for(url: str, batch: str) -> str:
    """Name the folder of one batch in a share, after making sure that it can be written to.

    Raises
    ------
    BadOutput
        If it cannot.
    """
    from fsspec.core import url_to_fs

    folder = f"{url.rstrip('/')}/{batch}"
    try:
        system, path = url_to_fs(folder)
        system.makedirs(path, exist_ok=True)
        probe = f"{path}/.probe-{secrets.token_hex(4)}"
        system.pipe_file(probe, b"workbench")
        system.rm_file(probe)
    except Exception as error:  # each file system has errors of its own
        told = without_credentials(str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
        remedy = "Name the URL of a folder that this machine and all workers can write to."
        raise BadOutput(without_credentials(url), f"cannot be written to ({told})", remedy) from error
    return folder


def put(file: Path, url: str) -> None:
    """Put a file at a URL, in pieces: it may be larger than the memory."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    system.put_file(str(file), path)


def get(url: str, file: Path) -> None:
    """Get a file from a URL, in pieces."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    system.get_file(path, str(file))


def drop(folder: str) -> None:
    """Remove the folder of a batch from its share."""
    from fsspec.core import url_to_fs

    with suppress(Exception):  # what cannot be removed does no harm
        system, path = url_to_fs(folder)
        system.rm(path, recursive=True)
