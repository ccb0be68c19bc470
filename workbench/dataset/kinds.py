"""What each column is, found by looking at its values: pure, quick, and with a reason in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.dataset.dates import date_notation, month_first
from workbench.dataset.look import Look, is_text, look
from workbench.dataset.numbers import has_decimal_comma, number_notation
from workbench.estimators.coerce import FALSE, MISSING, TRUE, coerce
from workbench.records import ColumnSchema, Kind

YES_AND_NO = (  # what may stand together in one column of booleans
    ({"true", "t"}, {"false", "f"}),
    ({"yes", "y"}, {"no", "n"}),
    ({"on"}, {"off"}),
    ({"ja"}, {"nein"}),
    ({"oui"}, {"non"}),
    ({"sí", "si"}, {"no"}),
    ({"wahr"}, {"falsch"}),
    ({"vrai"}, {"faux"}),
)
ID_WORDS = {"id", "ids", "uuid", "guid", "uid", "pid", "idx", "index", "rowid", "rownum", "key"}
ID_ENDINGS = {"no", "nr", "num", "number", "code", "ref"}
DATE_WORDS = {"date", "day", "datum", "dt", "ymd", "time", "timestamp", "datetime", "yyyymmdd"}
SAME = "every row has the same value"
ENOUGH_ROWS = 20  # below, that all values differ says nothing
MOSTLY = 0.98  # share of values a kind must read; up to three odd words may make up for more, down to 0.8
MANY_LEVELS = 100
NINES = re.compile(r"9{2,}")


@dataclass(frozen=True, slots=True)
class Habits:
    """How the table as a whole writes what a single column may leave open."""

    comma_is_decimal: bool
    month_is_first: bool | None


def columns_of(frame: pd.DataFrame) -> tuple[tuple[ColumnSchema, ...], tuple[str, ...]]:
    """Find the kind of every column.

    Parameters
    ----------
    frame : DataFrame
        Raw: text from CSV, typed from parquet.

    Returns
    -------
    columns : tuple of ColumnSchema
        With kind, coercion, distinct and missing counts, and a note. Identifiers have the role `id`, others `feature`.
    remarks : tuple of str
        What concerns several columns.
    """
    looks = [look(str(name), frame[name]) for name in frame.columns]
    habits = _habits([seen for seen in looks if is_text(seen.series)])
    columns = tuple(decide(seen, habits) for seen in looks)
    return columns, tuple(_remarks(columns))


def decide(seen: Look, habits: Habits) -> ColumnSchema:
    """Find the kind of one column: the first of a few readings that fits."""
    if not seen.present:
        return _column(seen, "empty", note="no row has a value")
    readings: tuple[Callable[[Look, Habits], ColumnSchema | None], ...] = (
        (_as_typed, _as_date_number, _as_number)
        if not is_text(seen.series)
        else (_as_boolean, _as_code, _as_date_number, _as_number, _as_date)
    )
    found = next((column for reading in readings if (column := reading(seen, habits))), None)
    return found or _words(seen, "", {})


def _habits(looks: Sequence[Look]) -> Habits:
    samples = [seen.sample[:200] for seen in looks]
    orders = [order for texts in samples if (order := month_first(texts)) is not None]
    return Habits(any(map(has_decimal_comma, samples)), orders[0] if len(set(orders)) == 1 else None)


def _as_typed(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    if pd.api.types.is_bool_dtype(seen.series):
        return _column(seen, "constant" if _is_constant(seen) else "boolean")
    if pd.api.types.is_numeric_dtype(seen.series) or pd.api.types.is_timedelta64_dtype(seen.series):
        return None
    return _dates(seen, {}, "")


def _as_boolean(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    words = {text.casefold() for text in seen.sample} if len(seen.distinct) <= 12 else set()
    spoken = words - {"0", "1"}
    for true, false in YES_AND_NO:
        both = bool(spoken & true) and bool(spoken & false)
        if spoken and spoken <= true | false and (both or (words - spoken) or max(map(len, spoken)) > 1):
            coercion = {} if spoken <= {*TRUE, *FALSE} else {"true": sorted(true), "false": sorted(false)}
            if _is_constant(seen):
                return _column(seen, "constant", note=SAME)
            return _column(seen, "boolean", coercion=coercion, distinct=2 if both or words - spoken else 1)
    return None


def _as_code(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    """Digits that are no number: leading zeros would be lost, and a double holds only 15 digits."""
    digits = [text for text in seen.sample if text.isdecimal()]
    if len(digits) < MOSTLY * len(seen.sample):
        return None
    lengths = {len(text) for text in digits}
    if any(text.startswith("0") and len(text) > 1 for text in digits):
        coercion = {"width": lengths.pop()} if len(lengths) == 1 else {}
        return _words(seen, "a code of digits; its leading zeros are kept", coercion)
    if sum(len(text) > 15 for text in digits) > len(digits) / 2:
        return _words(seen, "a code of more digits than a number can hold; read as text", {})
    return None


def _as_date_number(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    """Recognise 20260131, in a column whose name speaks of dates."""
    texts = seen.sample
    if not DATE_WORDS & set(seen.words) or not all(re.fullmatch(r"(19|20)\d{6}", text) for text in texts):
        return None
    return _dates(seen, {"formats": ["%Y%m%d"]}, "written as YYYYMMDD")


def _as_number(seen: Look, habits: Habits) -> ColumnSchema | None:
    coercion, note = {}, ""
    if is_text(seen.series):
        found = number_notation(seen.sample, comma_is_decimal=habits.comma_is_decimal)
        coercion, note = found.coercion, found.note
        if found.share < 0.5:
            return None
    read = _read(seen, "number", coercion)
    if is_text(seen.series) and not read.enough:
        return None
    if read.distinct == 1 and not read.missing:
        return _column(seen, "constant", note=SAME, distinct=1)
    if why := _why_id(seen, read):
        return _column(seen, "id", note=why, distinct=read.distinct)
    if seen.words[-1:] == ["id"] and _whole(read.values):
        return _words(seen, "identifiers that repeat; if rows of one belong together, name it as group=", {})
    notes = _joined([note, read.about_odd("numbers"), *_about_numbers(seen, read)])
    return _column(seen, "number", coercion=coercion, distinct=read.distinct, missing=read.missing, note=notes)


def _why_id(seen: Look, read: Read) -> str:
    """Say why numbers only name their rows; a blank when they may measure something."""
    rows, values = len(seen.series), read.values
    if read.distinct < max(ENOUGH_ROWS, 0.99 * rows) or not _whole(values):
        return ""
    if read.distinct == rows and values.max() - values.min() + 1 == rows:
        return "counts the rows one by one"
    steps = np.diff(values)  # of distinct values in file order: when none repeats, of the rows
    if read.distinct == rows and (steps > 0).all() and (steps == 1).mean() >= 0.5:
        return "counts the rows, with gaps"
    return "named like an identifier, and its values do not repeat" if _is_named_id(seen) else ""


def _is_named_id(seen: Look) -> bool:
    words = seen.words
    return bool(ID_WORDS & set(words)) or (len(words) > 1 and words[-1] in ID_ENDINGS)


def _as_date(seen: Look, habits: Habits) -> ColumnSchema | None:
    if not any(any(letter.isdigit() for letter in text) for text in seen.sample[:50]):
        return None
    found = date_notation(seen.sample, month_is_first=habits.month_is_first)
    return _dates(seen, found.coercion, found.note) if found.share >= 0.8 else None


def _dates(seen: Look, coercion: dict[str, Any], note: str) -> ColumnSchema | None:
    read = _read(seen, "date", coercion)
    if not read.enough:
        return None
    if read.distinct == 1 and not read.missing:
        return _column(seen, "constant", note=SAME, distinct=1)
    notes = _joined([note, read.about_odd("dates")])
    return _column(seen, "date", coercion=coercion, distinct=read.distinct, missing=read.missing, note=notes)


@dataclass(frozen=True, slots=True)
class Read:
    """The distinct values of a column read as some kind.

    Parameters
    ----------
    values : array
        Those that could be read, in the order they first stand.
    counts : array of int
        How many rows have each.
    odd : dict of str to int
        Those that could not, and how many rows have them.
    missing : int
        Rows without a value of this kind.
    """

    values: npt.NDArray[Any]
    counts: npt.NDArray[np.int64]
    odd: dict[str, int]
    missing: int
    distinct: int

    @property
    def enough(self) -> bool:
        """Whether the column is of this kind."""
        here, lost = int(self.counts.sum()), sum(self.odd.values())
        share = here / max(here + lost, 1)
        return share >= MOSTLY or (share >= 0.8 and len(self.odd) <= 3)

    def about_odd(self, plural: str) -> str:
        """Name the values that could not be read."""
        if not self.odd:
            return ""
        shown = ", ".join(repr(value[:20]) for value in list(self.odd)[:3]) + (", …" if len(self.odd) > 3 else "")
        return f"{sum(self.odd.values()):,} value(s) are no {plural} ({shown}) and count as missing"


def _read(seen: Look, kind: Kind, coercion: dict[str, Any]) -> Read:
    values = coerce(seen.distinct, {"name": seen.name, "kind": kind, **coercion})
    lost = values.isna().to_numpy()
    odd = {str(value).strip(): int(rows) for value, rows in zip(seen.distinct[lost], seen.counts[lost], strict=True)}
    found = values.to_numpy()[~lost]
    return Read(found, seen.counts[~lost], odd, seen.missing + sum(odd.values()), len(pd.unique(found)))


def _about_numbers(seen: Look, read: Read) -> list[str]:
    """Point at a value that may stand for "unknown": the only negative one, or nines far above the rest."""
    notes = []
    if seen.blank:
        notes.append(f"{seen.blank:,} blank text(s) count as missing")
    if seen.present >= ENOUGH_ROWS and (suspect := _sentinel(read)) is not None:
        notes.append(f"{suspect[0]:g} stands in {suspect[1]:,} rows and may mean 'unknown'")
    return notes


def _sentinel(read: Read) -> tuple[float, int] | None:
    """Find -200 among percentages, or 99999 among hundreds: often there, and far from all the rest."""
    values, places = np.unique(read.values, return_inverse=True)
    counts = np.bincount(places, weights=read.counts)
    often = max(5, 0.002 * counts.sum())
    if len(values) < 3:
        return None
    lowest_alone = values[0] < 0 <= values[1] or values[1] - values[0] > values[-1] - values[1]
    if values[0] < 0 and lowest_alone and counts[0] >= often and values[0].is_integer():
        return float(values[0]), int(counts[0])
    highest_alone = values[-1] - values[-2] > values[-2] - values[0]
    if highest_alone and counts[-1] >= often and NINES.fullmatch(f"{values[-1]:.0f}"):
        return float(values[-1]), int(counts[-1])
    return None


def _words(seen: Look, note: str, coercion: dict[str, Any]) -> ColumnSchema:
    """Tell apart what only names a row, what is read as sentences, and what sorts rows into groups."""
    coercion, about = _with_country_codes(seen, coercion)
    notes = [note, about, _about_tokens(seen)]
    distinct = len(seen.distinct)
    if _is_constant(seen):
        return _column(seen, "constant", coercion=coercion, note=SAME)
    if distinct >= max(ENOUGH_ROWS, 0.99 * seen.present) and _are_names_of_rows(seen.sample):
        return _column(
            seen, "id", coercion=coercion, note=_joined([*notes, "(nearly) every row has a value of its own"])
        )
    if _are_sentences(seen.sample, distinct / seen.present):
        return _column(seen, "text", coercion=coercion, note=_joined([*notes, "read as text, word by word"]))
    if distinct > MANY_LEVELS:
        notes.append(f"{distinct:,} different values")
    return _column(seen, "category", coercion=coercion, note=_joined(notes))


def _are_names_of_rows(texts: Sequence[str]) -> bool:
    plain = sum(not re.search(r"\s|://|^www\.", text) and len(text) <= 64 for text in texts)
    return plain >= 0.99 * len(texts)


def _are_sentences(texts: Sequence[str], share_distinct: float) -> bool:
    """Many different values of several words, or long ones such as addresses of pages."""
    words, length = np.mean([len(text.split()) for text in texts]), np.mean([len(text) for text in texts])
    if len(texts) < ENOUGH_ROWS:
        return False
    return bool(share_distinct > 0.3 and (words >= 3 or length >= 30)) or bool(share_distinct > 0.5 and words >= 1.8)


def _with_country_codes(seen: Look, coercion: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Among two-letter codes NA is Namibia."""
    codes = sum(re.fullmatch(r"[A-Z]{2}", text) is not None for text in seen.sample)
    if "NA" not in seen.tokens or len(seen.sample) < 10 or codes < 0.95 * len(seen.sample):
        return coercion, ""
    note = "'NA' is kept as a value, as the others are codes of two letters too"
    return coercion | {"missing": [word for word in MISSING if word != "NA"]}, note


def _about_tokens(seen: Look) -> str:
    said = [f"{token!r} in {rows:,} row(s) counts as missing" for token, rows in list(seen.tokens.items())[:3]]
    said += [f"{text!r} is kept as a value of its own" for text in ("None", "none") if (seen.distinct == text).any()]
    return "; ".join(said)


def _is_constant(seen: Look) -> bool:
    return len(seen.distinct) == 1 and not seen.missing


def _whole(values: npt.NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def _column(
    seen: Look,
    kind: Kind,
    *,
    coercion: dict[str, Any] | None = None,
    note: str = "",
    distinct: int | None = None,
    missing: int | None = None,
) -> ColumnSchema:
    return ColumnSchema(
        name=seen.name,
        kind=kind,
        role="id" if kind == "id" else "feature",
        dtype=str(seen.series.dtype),
        coercion=coercion or {},
        distinct=len(seen.distinct) if distinct is None else distinct,
        missing=seen.missing if missing is None else missing,
        note=note,
    )


def _joined(notes: Sequence[str]) -> str:
    return "; ".join(filter(None, notes))


def _remarks(columns: Sequence[ColumnSchema]) -> list[str]:
    """Gather what several columns have in common."""
    commas = [column.name for column in columns if column.coercion.get("decimal") == ","]
    unknown = [column.name for column in columns if "may mean 'unknown'" in column.note]
    remarks = [f"Numbers are written with decimal commas in {_listed(commas)}."] if commas else []
    if unknown:
        remarks.append(f"A value that may mean 'unknown' stands in {_listed(unknown)}; see the notes on these columns.")
    return remarks


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return shown if len(names) <= 5 else f"{len(names)} columns ({shown}, …)"
