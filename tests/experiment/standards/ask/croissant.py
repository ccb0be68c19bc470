"""Read datasets in Croissant. In: {name: [croissant.json, table or null]}. Out: {name: {errors, fields, rows}}.

With a table its rows are read through the description, too; with an empty name, from where the description says.
"""

from __future__ import annotations

import itertools
import json
import sys
import warnings

import mlcroissant


def told(path: str, table: str | None) -> dict[str, object]:
    try:
        dataset = mlcroissant.Dataset(jsonld=path, mapping={"table": table} if table else None)
    except mlcroissant.ValidationError as error:
        return {"errors": [str(error)]}
    issues = dataset.metadata.ctx.issues
    fields = {field.name: field.data_types[0].rpartition("/")[2] for field in dataset.metadata.record_sets[0].fields}
    found = {"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "fields": fields}
    if table is not None:
        names = {field.id: field.name for field in dataset.metadata.record_sets[0].fields}
        records = itertools.islice(dataset.records("rows"), 3)
        found["rows"] = [{names[key]: plain(value) for key, value in record.items()} for record in records]
    return found


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def main() -> None:
    warnings.simplefilter("ignore")
    json.dump({name: told(*asked) for name, asked in json.load(sys.stdin).items()}, sys.stdout)


main()
