"""A table or query of a database becomes the bytes of a parquet file. SQLAlchemy enters the workbench here."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadTable, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, Executable

QUERY = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|with|values)\b", re.IGNORECASE)
FORM = "Write what to read behind a #: postgresql://host/shop#customers, or #select * from customers where …"
PLAIN = (bool, int, float, str, datetime, date)


def is_known(scheme: str) -> bool:
    """Whether SQLAlchemy knows a kind of database by this name."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        make_url(f"{scheme}://").get_dialect()
    except (ArgumentError, NoSuchModuleError):
        return False
    except ImportError:  # of its driver
        return True
    return True


def rows(source: str, told: str) -> bytes:
    """Read a table, or what a query gives, as the bytes of a parquet file.

    Nothing is changed there: the transaction is never committed.

    Parameters
    ----------
    source : str
        The URL of the database, ``#``, and the name of a table or view (``schema.name``), or a query.
    told : str
        The same without user and password, for messages.

    Raises
    ------
    BadTable
        If nothing stands behind the ``#``, the database's file does not exist, or it has no such rows.
    UnknownName
        If it has no such table.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    place, _, asked = source.partition("#")
    if not asked.strip():
        raise BadTable(told, "names a database, and no table in it", FORM)
    url = make_url(place)
    _refuse_a_new_file(url.get_backend_name(), url.database, told)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if url.get_backend_name() == "sqlite":  # whose driver would commit what begins with WITH
            connection.exec_driver_sql("PRAGMA query_only = ON")
        query = text(asked.replace(":", r"\:")) if QUERY.match(asked) else _whole(connection, asked.strip())
        found = connection.execute(query)
        return _parquet(list(found.keys()), found.all(), told)


def _refuse_a_new_file(kind: str, database: str | None, told: str) -> None:
    """Refuse what SQLite would do: make an empty database of a file that does not exist."""
    is_file = kind == "sqlite" and database and database != ":memory:" and not database.startswith("file:")
    if is_file and not Path(str(database)).is_file():
        raise BadTable(told, "names a database file that does not exist", "Look at the path again.")


def _whole(connection: Connection, name: str) -> Executable:
    from sqlalchemy import inspect, literal_column, select, table

    schema, _, alone = name.rpartition(".")
    seen = inspect(connection)
    for place, one in dict.fromkeys([(None, name), (schema or None, alone)]):
        known = [*seen.get_table_names(schema=place), *seen.get_view_names(schema=place)]
        if one in known:
            return select(literal_column("*")).select_from(table(one, schema=place))
    raise UnknownName("table", name, [*seen.get_table_names(), *seen.get_view_names()])


def _parquet(names: Sequence[str], found: Sequence[Sequence[Any]], told: str) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet as pq

    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise BadTable(told, f"gives two columns called {twice!r}", "Name them apart in the query: … as other.")
    columns = [_column([row[number] for row in found]) for number in range(len(names))]
    target = io.BytesIO()
    pq.write_table(pa.table(columns, names=list(names)), target)
    return target.getvalue()


def _column(values: list[Any]) -> pa.Array:
    """Give one column a type: its values' own where all are of one or numbers, else text."""
    import pyarrow as pa

    values = [float(value) if isinstance(value, Decimal) else value for value in values]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= {*PLAIN, bytes}):
        try:
            return pa.array([float(value) if float in kinds and value is not None else value for value in values])
        except (pa.ArrowException, OverflowError):  # a whole number of more than 64 bits, dates of several zones
            pass
    return pa.array([None if value is None else str(value) for value in values], type=pa.string())
