"""Predict with model folders through MLflow. In: {name: [folder, rows, codes, dropped]}. Out: {name: {…}}.

`rows` is a table in CSV, read as anyone would; `codes` are columns to read as text, `dropped` those to leave out.
"""

from __future__ import annotations

import json
import sys

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException


def told(folder: str, table: str, codes: list[str], dropped: list[str]) -> dict[str, object]:
    model = mlflow.pyfunc.load_model(folder)
    rows = pd.read_csv(table, dtype=dict.fromkeys(codes, str)).drop(columns=dropped)
    try:
        found = {"predictions": model.predict(rows).to_dict("list")}
    except MlflowException as error:
        found = {"error": str(error)}
    columns = {column.name: [column.type.name, column.required] for column in model.metadata.signature.inputs}
    return {**found, "columns": columns, "example": len(model.predict(model.input_example))}


def main() -> None:
    json.dump({name: told(*asked) for name, asked in json.load(sys.stdin).items()}, sys.stdout)


main()
