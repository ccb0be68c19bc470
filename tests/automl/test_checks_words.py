"""Each check says what was found, why it matters, and what was done about it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.automl import finders
from workbench.automl.checks import check
from workbench.automl.finders.columns import LEFT_OUT
from workbench.automl.task import task
from workbench.dataset import read_table

ROWS = 1_200


def plain(seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)).round(5), columns=["one", "two", "three"])
    return frame.assign(y=np.where(frame["one"] + random.normal(size=ROWS) > 0.4, "yes", "no"))


def numeric() -> pd.DataFrame:
    frame, random = plain(), np.random.default_rng(5)
    return frame.assign(y=np.exp(frame["one"] + random.normal(size=ROWS)).round(6))


def later() -> pd.DataFrame:
    frame, late = plain(), np.arange(ROWS) > 0.7 * ROWS
    moved = np.where(np.random.default_rng(1).random(ROWS) < np.where(late, 0.8, 0.2), "yes", "no")
    days = pd.date_range("2024-01-01", periods=ROWS, freq="9h").strftime("%Y-%m-%d %H:%M")
    return frame.assign(two=frame["two"] + 3 * late, y=moved, day=days)


def customers() -> pd.DataFrame:
    customer = np.repeat(np.arange(240), 5)
    answers = np.random.default_rng(2).choice(["yes", "no"], 240)
    return plain().assign(customer=[f"c{7 * n}" for n in customer], y=answers[customer])


def parts() -> pd.DataFrame:
    frame, share = numeric(), np.random.default_rng(3).uniform(0.2, 0.8, ROWS)
    return frame.assign(part=frame["y"] * share, rest=frame["y"] * (1 - share))


def refunds() -> pd.DataFrame:
    frame = plain()
    amounts = np.random.default_rng(4).exponential(size=ROWS).round(2) + 0.01
    return frame.assign(refund=pd.Series(amounts).where((frame["y"] == "yes") & (np.arange(ROWS) % 2 == 0)))


def words_among_numbers(every: int, word: str) -> pd.Series:
    return pd.Series(np.where(np.arange(ROWS) % every == 0, word, plain()["two"].astype(str)))


def wide() -> pd.DataFrame:
    random = np.random.default_rng(6)
    frame = pd.DataFrame(random.normal(size=(120, 150))).add_prefix("x")
    return frame.assign(y=random.choice(["a", "b"], 120))


def twice(rows: int, **changes: object) -> pd.DataFrame:
    return pd.concat([plain(), plain().head(rows).assign(**changes)])


KEPT = r"(It was|They were|All were|All rows were) kept"
# By name of the check: a table that has it, what is said of it to the task, and what the message says was done.
CASES: dict[str, list[tuple[pd.DataFrame, dict[str, object], str]]] = {
    "target_copy": [(plain().assign(copied=plain()["y"]), {}, KEPT)],
    "possible_leak": [
        (plain().assign(odd=(plain()["y"] == "yes") * 9 + plain(1)["two"]), {}, KEPT),
        (refunds(), {}, KEPT),
        (parts(), {"kind": "regression"}, KEPT),
    ],
    "undeclared_group": [(customers(), {}, "rows of one are on both sides of a split")],
    "undeclared_time": [(later(), {}, "rows are split at random")],
    "row_order": [
        (plain().sort_values("y"), {}, "Rows are shuffled before they are split"),
        (plain().sort_values("y").assign(step=np.cumsum(np.random.default_rng(0).exponential(size=ROWS))), {}, KEPT),
    ],
    "drift": [(later(), {"time": "day"}, KEPT)],
    "target_drift": [(later(), {"time": "day"}, "measured on later rows than were learned from")],
    "duplicate_rows": [(twice(200), {}, "They were kept")],
    "contradicting_rows": [(twice(100, y="maybe"), {}, KEPT)],
    "rare_class": [(plain().assign(y=plain()["y"].mask(np.arange(ROWS) < 5, "rare")), {}, KEPT)],
    "imbalance": [
        (plain().assign(y=np.where(np.arange(ROWS) % 50 == 0, "fraud", "fine")), {}, "No row was left out or taken"),
        (
            plain().assign(y=np.where(np.arange(ROWS) % 50 == 0, "fraud", "fine")),
            {"metric": "accuracy"},
            "No row was left out or taken",
        ),
    ],
    "wide_table": [(wide(), {}, KEPT)],
    "extreme_target": [
        (numeric().assign(y=numeric()["y"].mask(np.arange(ROWS) == 9, 1e6)), {"kind": "regression"}, KEPT)
    ],
    "test_overlap": [(plain(), {"test": plain().tail(300)}, "They were kept")],
    "codes_for_unknown": [(plain().assign(two=plain()["two"].mask(np.arange(ROWS) % 9 == 0, -999)), {}, KEPT)],
    "codes_for_unknown_in_target": [
        (numeric().assign(y=numeric()["y"].mask(np.arange(ROWS) % 9 == 0, -200)), {"kind": "regression"}, KEPT)
    ],
    "unreadable_values": [(plain().assign(two=words_among_numbers(50, "broken")), {}, "They count as missing")],
    "mixed_types": [(plain().assign(two=words_among_numbers(3, "none measured")), {}, "the numbers are read as names")],
    "nearly_empty": [(plain().assign(four=plain(1)["one"].where(np.arange(ROWS) % 50 == 0)), {}, KEPT)],
    "missing_values": [(plain().assign(four=plain(1)["one"].where(np.arange(ROWS) % 3 == 0)), {}, "is learned from")],
    "identifier_columns": [(plain().assign(case_id=np.arange(ROWS) + 7000), {}, "left out")],
    "constant_columns": [(plain().assign(country="NL"), {}, "left out")],
    "empty_columns": [(plain().assign(remark=None), {}, "left out")],
}
EACH = [(name, place) for name, cases in CASES.items() for place in range(len(cases))]


@pytest.mark.parametrize(("name", "place"), EACH, ids=[f"{name} {place}" for name, place in EACH])
def test_what_was_done_about_it_is_said(tmp_path, name, place):
    frame, said, done = CASES[name][place]
    frame.to_csv(tmp_path / "table.csv", index=False)
    told = dict(said)
    if "test" in told:
        told["test"].to_csv(tmp_path / "test.csv", index=False)
        told["test"] = read_table(str(tmp_path / "test.csv"))
    found = {one.name: one.message for one in check(task(read_table(str(tmp_path / "table.csv")), "y", **told))}
    assert name in found, found
    assert re.search(done, found[name]), found[name]


def test_no_check_is_without_such_a_case():
    sources = [file.read_text() for file in Path(finders.__file__).parent.glob("*.py")]
    named = {name for source in sources for name in re.findall(r'Check\(\s*"(\w+)"', source)}
    assert named | {name for name, _, _ in LEFT_OUT.values()} == set(CASES)
