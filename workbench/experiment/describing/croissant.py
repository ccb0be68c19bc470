"""The table an experiment was made from, described for other tools: Croissant 1.0, as JSON-LD.

It names the file by its digest and each column by its type, and holds none of its values. A column has the type that a
plain reader of the file finds in it; one that takes more to read, such as a decimal comma, is text to such a reader,
and what it means stands in its description.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.documents.experiment import DIGEST, Manifest
from workbench.documents.files import read_json, write_json
from workbench.documents.table import read_schema
from workbench.errors import WorkbenchError
from workbench.experiment.describing.entities import is_on_the_web, moment
from workbench.records import ColumnSchema, TableSchema

CROISSANT = "croissant.json"
CONFORMS = "http://mlcommons.org/croissant/1.0"
TERMS = (
    "citeAs column examples extract field fileProperty fileObject fileSet format includes isLiveDataset jsonPath key "
    "md5 parentField path recordSet references regex repeated replace separator source subField transform"
)
CONTEXT = {  # the standard wants all of it in every document
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in TERMS.split()},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
FILE, ROWS = "table", "rows"
TYPES = {"int": "Integer", "uint": "Integer", "float": "Float", "double": "Float", "bool": "Boolean"}
PLAIN = {"unknown"}  # what a number is told besides its notation


def write_croissant(folder: Path, manifest: Manifest) -> None:
    """Write ``data/croissant.json``; nothing when the run ended before its table was read and judged."""
    digest = str(manifest["data"]["digest"])
    if not DIGEST.fullmatch(digest):
        return
    # What a notebook wrote may hold anything; no run is lost for it.
    with suppress(WorkbenchError, OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        schema = read_schema(folder / "data" / "schema.json")
        source = str(read_json(folder / "task.json")["data"]["source"])
        write_json(folder / "data" / CROISSANT, _dataset(_file(digest, source, schema, manifest), schema, manifest))


def _dataset(file: Mapping[str, Any], schema: TableSchema, manifest: Manifest) -> dict[str, Any]:
    url = file["contentUrl"] if is_on_the_web(file["contentUrl"]) else _name_by_content(file["sha256"])
    rows = manifest["data"]["rows"]
    stated = "Nobody has stated under which terms the table may be used: ask whoever it came from"
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": file["name"],
        "description": f"The table of the experiment {manifest['ref']}, described without its values",
        "license": stated,
        "url": url,
        "creator": {"@type": "Person", "name": manifest["author"] or "unknown"},
        "datePublished": moment(manifest["started"]),
        "distribution": [file],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": ROWS,
                "name": ROWS,
                "description": "The rows of the table" if rows is None else f"The {rows} rows of the table",
                "field": list(_fields(schema)),
            }
        ],
    }


def _file(digest: str, source: str, schema: TableSchema, manifest: Manifest) -> dict[str, Any]:
    kept = next((one for one in manifest.get("objects", ()) if one["digest"] == digest), None)
    name = kept["name"] if kept else source.replace("\\", "/").rpartition("/")[2] or "data"
    there = source if is_on_the_web(source) else f"../objects/{digest.replace(':', '/')}" if kept else name
    return {
        "@type": "cr:FileObject",
        "@id": FILE,
        "name": name,
        "description": "The file as it was read; in an export that takes it along it lies where contentUrl says",
        "contentUrl": there,
        **({"contentSize": f"{kept['size']} B"} if kept else {}),
        "encodingFormat": _format(schema.read),
        "sha256": digest.partition(":")[2],
    }


def _format(read: Mapping[str, Any]) -> str:
    if read.get("format") == "parquet":
        return "application/x-parquet"  # Croissant's own name for it
    return "text/tab-separated-values" if read.get("delimiter") == "\t" else "text/csv"


def _name_by_content(sha256: str) -> str:
    """Name bytes by their digest, as RFC 6920 does: a table that nobody has published has no other address."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip('=')}"


def _fields(schema: TableSchema) -> Iterator[dict[str, Any]]:
    for place, column in enumerate(schema.columns, start=1):
        yield {
            "@type": "cr:Field",
            "@id": f"{ROWS}/{place}",  # by its place: names may hold anything
            "name": column.name,
            "description": _meaning(column),
            "dataType": f"sc:{_type(column)}",
            "source": {"fileObject": {"@id": FILE}, "extract": {"column": column.name}},
        }


def _meaning(column: ColumnSchema) -> str:
    notation = [f"written {form}" for form in column.coercion.get("formats", ())]
    notation += ["with decimal comma"] if column.coercion.get("decimal") == "," else []
    role = [] if column.role == "feature" else [f"used as: {column.role}"]
    return ", ".join([column.kind, *notation, *role])


def _type(column: ColumnSchema) -> str:
    """Name the type of a column by how its file holds it, and where that is as text, by what all of it reads as.

    Examples
    --------
    >>> [_type(ColumnSchema("x", "number", dtype=one)) for one in ("Int64", "float32", "str")]
    ['Integer', 'Float', 'Float']
    >>> _type(ColumnSchema("x", "number", dtype="str", coercion={"decimal": ","}))
    'Text'
    >>> [_type(ColumnSchema("x", "date", coercion={"formats": [form]})) for form in ("ISO8601", "%d/%m/%Y")]
    ['DateTime', 'Text']
    """
    dtype = column.dtype.lower()
    if dtype.startswith("datetime"):
        return "DateTime"
    if held := next((name for start, name in TYPES.items() if dtype.startswith(start)), None):
        return held
    if column.kind == "number" and column.coercion.keys() <= PLAIN:
        return "Float"
    if column.kind == "date" and set(column.coercion.get("formats", ())) <= {"ISO8601"}:
        return "DateTime"
    return "Text"
