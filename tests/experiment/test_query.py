"""Filters: words people type, what each asks of a store, and what is said of one that cannot be read."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.documents.experiment import FIELDS as MANIFEST_FIELDS
from workbench.errors import BadFilter, UnknownName, WorkbenchError
from workbench.experiment.finding.query import FIELDS, KEYED, Condition, is_filter, parse, settle
from workbench.experiment.finding.schema import TABLES, VIEWS, Row, add, question
from workbench.records import Reference

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _berlin(monkeypatch):
    """A place whose clocks differ from UTC, and are put back in autumn."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("word", "field", "comparison", "value"),
    [
        ("score>0.8", "score", ">", 0.8),
        (" score >= -1e3 ", "score", ">=", -1000.0),
        ("rows==1000", "rows", "=", 1000.0),
        ("seconds<5m", "seconds", "<", 300.0),
        ("score.rmse<20", "score.rmse", "<", 20.0),
        ("status=failed", "status", "=", "failed"),
        ("status=Timed out", "status", "=", "timed_out"),
        ("template!=regression", "template", "!=", "regression"),
        ("name=Farm-*", "name", "=", "farm-*"),
        ("tag=a=b", "tag", "=", "a=b"),
        ("label.farm=17", "label.farm", "=", "17"),
        ("label.farm>=17", "label.farm", ">=", 17.0),
        ("data=AB12", "data", "=", "sha256:ab12*"),
        ("data=sha256:ab12", "data", "=", "sha256:ab12*"),
        ("since=2026-11-01", "began", ">=", moment("2026-11-01T00:00+01:00")),
        ("until=2026-11-01", "began", "<", moment("2026-11-02T00:00+01:00")),
        ("since=2026-10", "began", ">=", moment("2026-10-01T00:00+02:00")),
        ("until=2026-10", "began", "<", moment("2026-11-01T00:00+01:00")),
        ("until=2026-12", "began", "<", moment("2027-01-01T00:00+01:00")),
        ("until=2026", "began", "<", moment("2027-01-01T00:00+01:00")),
        ("since=2026-11-01T10:30", "began", ">=", moment("2026-11-01T10:30+01:00")),
        ("since=2026-11-01 10:30Z", "began", ">=", moment("2026-11-01T10:30+00:00")),
        ("since=7d", "began", ">=", moment("2026-11-14T12:00+00:00")),
        ("until=1.5h", "began", "<", moment("2026-11-21T10:30+00:00")),
    ],
)
def test_a_word_is_read_once(word, field, comparison, value):
    assert is_filter(word)
    assert parse(word, NOW) == Condition(field, comparison, value, word)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("churn", "'churn' compares nothing"),
        (">0.8", "has no field"),
        ("score>", "has no value"),
        ("score.>3", "names no metric or label"),
        ("label.=3", "names no metric or label"),
        ("author=" + "a" * 1000, "is longer than 1,000 letters"),
        ("score>high", "compares a number with 'high'. Write a number: 'score>0.8'."),
        ("score>0,8", "compares a number with '0,8'"),
        ("score>nan", "compares a number with 'nan'"),
        ("label.farm>north", "compares a number with 'north'"),
        ("status>3", "asks which text is larger. A text is compared by status=… or status!=…."),
        ("status=faild", "no status 'faild'. Did you mean 'failed'?"),
        ("data=customers.csv", "names no digest"),
        ("since>2026-11-01", "compares a time. Write since=2026-11-01, or since=7d."),
        ("since=monday", "names no time"),
        ("since=2026-13-01", "names no time"),
        ("until=9999", "names no time"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(word, said):
    with pytest.raises(WorkbenchError) as refused:
        parse(word, NOW)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_of_no_field_is_a_metric_or_a_label_of_the_store():
    known = {"metrics": ["rmse", "mae"], "labels": ["farm", "rmse"]}
    assert settle(parse("farm=17", NOW), **known).field == "label.farm"
    assert settle(parse("rmse<20", NOW), **known) == Condition("score.rmse", "<", 20.0, "rmse<20")
    with pytest.raises(UnknownName, match=r"no filter 'scroe'. Did you mean 'score'\?"):
        settle(parse("scroe>1", NOW), **known)
    with pytest.raises(UnknownName, match=r"Did you mean 'farm'\?"):
        settle(parse("fram=17", NOW), **known)
    with pytest.raises(BadFilter, match="compares a number with 'low'"):
        settle(parse("rmse<low", NOW), **known)


WORDS = st.text(max_size=30) | st.tuples(
    st.sampled_from([*FIELDS, *KEYED, "score.rmse", "label.farm", "farm"]),
    st.sampled_from(["=", "!=", "<", ">="]),
    st.text(max_size=12) | st.sampled_from(["0.8", "[*", "7d", "a\udcffb", "*" * 900]),
).map("".join)


@settings(deadline=None)
@given(WORDS)
def test_any_word_is_asked_of_the_index_or_refused_in_one_line(word):
    try:
        condition = settle(parse(word, NOW), metrics=["rmse"], labels=["farm"])
    except WorkbenchError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES.format(where="main") + TABLES.format(where="temp") + VIEWS)
    where, values = question([condition])
    assert connection.execute(f"SELECT count(*) FROM all_kept WHERE {where}", values).fetchone() == (0,)
    connection.close()


TEXT = st.sampled_from(["", "ada", "Ada", "bob", "a[b]c", "a*c", "ä", "17", "17.0", "abc"])
NUMBER = st.none() | st.sampled_from([-1.5, 0.0, 0.5, 17.0, 1e300])


@st.composite
def manifests(draw):
    empty = {name: kinds[-1]() for name, kinds in MANIFEST_FIELDS.items()}
    scores = draw(st.dictionaries(st.sampled_from(["rmse", "f1"]), NUMBER, max_size=2))
    return {
        **empty,
        "status": draw(st.sampled_from(["completed", "failed"])),
        "started": "2026-11-21T00:00:00+00:00",
        "author": draw(TEXT),
        "metric": draw(st.sampled_from(["rmse", "f1", None])),
        "scores": {name: {"value": value} for name, value in scores.items()},
        "labels": draw(st.dictionaries(st.sampled_from(["farm", 'o"dd']), TEXT, max_size=2)),
        "resources": {"wall": draw(NUMBER)},
    }


ORDERED = st.sampled_from([">", ">=", "<", "<="])
SAME = st.sampled_from(["=", "!="])
CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["score", "seconds", "score.rmse"]), SAME | ORDERED, st.sampled_from([-1.5, 0.5, 17.0])),
    st.tuples(
        st.sampled_from(["author", "label.farm", 'label.o"dd']), SAME, TEXT | st.sampled_from(["a*", "?da", "*[*"])
    ),
    st.tuples(st.just("label.farm"), ORDERED, st.just(17.0)),
)


def holds(condition: Condition, manifest: dict) -> bool:
    """The same question, asked of a manifest in plain Python."""
    field, _, key = condition.field.partition(".")
    main = manifest["scores"].get(manifest["metric"], {}).get("value")
    found = {
        "author": manifest["author"],
        "score": manifest["scores"].get(key, {}).get("value") if key else main,
        "seconds": manifest["resources"]["wall"],
        "label": manifest["labels"].get(key),
    }[field]
    if field == "label" and isinstance(condition.value, float):
        found = float(found) if found and found.replace(".", "").isdigit() else None
    if condition.comparison in ("=", "!="):
        return same(found, condition) == (condition.comparison == "=")
    order = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}[condition.comparison]
    return found is not None and order(found, condition.value)


def same(found: object, condition: Condition) -> bool:
    if not condition.is_pattern or found is None:
        return found == condition.value
    return matches(str(found), str(condition.value))


def matches(text: str, pattern: str) -> bool:
    if not pattern or not text:
        return not text and not pattern.strip("*")
    if pattern[0] == "*":
        return matches(text[1:], pattern) or matches(text, pattern[1:])
    return pattern[0] in ("?", text[0]) and matches(text[1:], pattern[1:])


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(manifests(), max_size=4), st.lists(CONDITIONS, max_size=3))
def test_the_index_answers_as_a_look_at_each_manifest_would(manifests, conditions):
    asked = [Condition(*one, word="") for one in conditions]
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(TABLES.format(where="main") + TABLES.format(where="temp") + VIEWS)
    rows = [Row(Reference("churn", f"20261121T00000{i}Z-{i:08x}"), "1 1", one) for i, one in enumerate(manifests)]
    add(connection, "main", rows[:2])
    add(connection, "temp", rows[2:])
    where, values = question(asked)
    found = connection.execute(f"SELECT version FROM all_kept WHERE {where} ORDER BY version", values).fetchall()
    connection.close()
    wanted = [row.reference.version for row in rows if all(holds(one, row.manifest) for one in asked)]
    assert [version for (version,) in found] == wanted
