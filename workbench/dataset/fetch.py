"""A table that is elsewhere: fetched by URL from the web, an object store or a database, once, as bytes.

``http`` and ``https`` go through requests, databases through SQLAlchemy, all else through fsspec. User and password in
a URL are used and never told: neither in the name of the table nor in a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.dataset import database
from workbench.dataset.addresses import ADDRESS, had_credentials, scheme_of, trouble
from workbench.dataset.unreachable import LATER
from workbench.documents.redaction import without_credentials
from workbench.errors import BadTable, WorkbenchError

WEB = {"http", "https"}
SECONDS = (30, 300)  # to connect, and between two pieces of an answer
LONGEST_NAME = 60  # characters of a fetched file's name


@dataclass(frozen=True, slots=True)
class Fetched:
    """A table's file in hand: fetched from elsewhere, or read here.

    Parameters
    ----------
    source : str
        Where it is from, without user and password.
    name : str
        A file name that says what it is.
    content : bytes
        The file, or the rows of a database as parquet.
    """

    source: str
    name: str
    content: bytes = field(repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", f"sha256:{hashlib.sha256(self.content).hexdigest()}")


def is_elsewhere(source: object) -> bool:
    """Whether the name of a table is a URL."""
    return isinstance(source, str) and ADDRESS.match(source) is not None


def fetch(source: str) -> Fetched:
    """Fetch the table a URL stands for.

    Parameters
    ----------
    source : str
        ``https://…``, ``s3://bucket/key``, any other file system of fsspec; or a database's URL as SQLAlchemy takes it
        with ``#`` and the name of a table or a query behind it: ``sqlite:///sales.db#customers``.

    Raises
    ------
    BadTable
        If it cannot be had: nothing of that name, no right to it, no such kind of address, a package that is missing.
    """
    told = without_credentials(source)
    if had_credentials(source):
        raise BadTable(told, "had its user and password taken out", "Give them again in place of ***.")
    reader = _reader(scheme_of(source), told)
    try:
        content = reader(source, told)
    except WorkbenchError:
        raise
    except Exception as error:  # every file system and driver has errors of its own
        raise BadTable(told, *trouble(error, source)) from None
    return Fetched(told, _name(told, is_rows=reader is database.rows), content)


def _reader(scheme: str, told: str) -> Callable[[str, str], bytes]:
    if scheme in WEB:
        return _from_web
    from fsspec.registry import known_implementations, registry

    if scheme in known_implementations or scheme in registry:
        return _from_file_system
    if database.is_known(scheme):
        return database.rows
    near = " Did you mean postgresql://?" if scheme == "postgres" else ""
    raise BadTable(told, f"is an address of an unknown kind ({scheme}://).{near}".rstrip("."), "")


def _from_web(source: str, told: str) -> bytes:
    import requests

    with requests.get(source, timeout=SECONDS, headers={"Accept-Encoding": "identity"}) as answer:
        if answer.status_code == requests.codes.not_found:
            raise FileNotFoundError(told)
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise PermissionError(f"the server answered {answer.status_code} {answer.reason}")
        if not answer.ok:
            raise BadTable(told, f"cannot be read: the server answered {answer.status_code} {answer.reason}", LATER)
        return answer.content


def _from_file_system(source: str, told: str) -> bytes:
    import fsspec

    system, path = fsspec.core.url_to_fs(source)
    if system.isdir(path):
        raise BadTable(told, "is a folder", "Name a file in it.")
    content: bytes = system.cat_file(path)
    return content


def _name(told: str, *, is_rows: bool) -> str:
    """Make a file name of an address: its last part, without what no file name should have."""
    if is_rows:
        place, _, asked = told.partition("#")
        name = asked if re.fullmatch(r"[\w.]+", asked) else place.rpartition("/")[2]
    else:
        name = re.sub(r"[?#].*", "", told).rstrip("/").rpartition("/")[2]
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[-LONGEST_NAME:] or "table"
    return f"{safe}.parquet" if is_rows else safe
