from __future__ import annotations

import base64
import html
import itertools
import json
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from workbench.documents.redaction import Redactor, credentials_of, of_environment, without_credentials
from workbench.errors import BadParameters

VALUE = "p\"4\\s<ß>/w'd &x"
MARK = "[secret:token]"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor({"token": VALUE})


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        repr(VALUE),
        ascii(VALUE),
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        json.dumps(json.dumps({"a": VALUE})),
        html.escape(VALUE),
        html.escape(VALUE, quote=False),
        html.escape(VALUE).replace("&#x27;", "&#39;"),
        urllib.parse.quote(VALUE),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote_plus(VALUE),
        urllib.parse.quote(VALUE, safe="").lower(),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
        VALUE.encode().hex(),
    ],
)
def test_a_value_is_found_however_it_is_spelled(redactor, spelled):
    told = redactor.text(f"before {spelled} after")
    assert spelled.strip("'\"") not in told
    assert MARK in told
    assert told.startswith("before ")
    assert told.endswith(" after")


@pytest.mark.parametrize("user", ["u", "us", "use", "user"])
def test_a_password_is_found_in_a_basic_header(redactor, user):
    header = base64.b64encode(f"{user}:{VALUE}".encode()).decode()
    told = redactor.text(header)
    assert MARK in told
    rest = told.replace(MARK, "AAAA")
    assert VALUE[2:-2].encode() not in base64.b64decode(rest + "=" * (-len(rest) % 4), validate=False)


letters = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])


@given(
    value=st.text(letters, min_size=8, max_size=40), cuts=st.lists(st.integers(0, 80), max_size=4), name=st.just("a")
)
@settings(max_examples=60, deadline=None)
def test_a_value_in_pieces_is_taken_out_and_the_rest_stays(value, cuts, name):
    redactor = Redactor({name: value})
    whole = f"<{value}> and {value}"
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(places)]
    told = redactor.parts(pieces)
    assert len(told) == len(pieces)
    assert "".join(told) == "<[secret:a]> and [secret:a]"
    assert redactor.parts(told) == told


def test_each_line_of_a_key_is_a_secret(redactor):
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nAAAAB3NzaC1yc2E\n-----END KEY-----"
    told = Redactor({"key": key}).text("line 2: MIIEvQIBADANBgkqhkiG\n" + key)
    assert "MIIE" not in told
    assert "AAAAB3" not in told


def test_the_texts_inside_a_key_file_are_secrets():
    account = json.dumps({"type": "service", "private_key": "-----BEGIN-----\nMIIEvQIBADANBgkqhkiG\n"}, indent=2)
    told = Redactor({"account": account}).text(f"got {json.loads(account)['private_key']!r}")
    assert "MIIE" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://me:pw@host/db", "postgresql://***@host/db"),
        ("see https://me@host/a, b@c", "see https://***@host/a, b@c"),
        ("https://u:p@w@host:80/x?y#z", "https://***@host:80/x?y#z"),
        ("https%3A%2F%2Fme%3Apw%40host%2F", "https%3A%2F%2F***%40host%2F"),
        ("https://host/a?sig=abc%3D&page=2", "https://host/a?sig=***&page=2"),
        ("https://b/k?X-Amz-Signature=1f&x=1", "https://b/k?X-Amz-Signature=***&x=1"),
        ("https://host/path/me@here", "https://host/path/me@here"),
        ("https://host/ and me@here", "https://host/ and me@here"),
        ('<a href="https://host">me@here</a>', '<a href="https://host">me@here</a>'),
    ],
)
def test_user_and_password_leave_every_url(text, told):
    assert without_credentials(text) == told
    assert without_credentials(told) == told


def test_passwords_of_urls_are_given_as_written_and_as_meant():
    assert credentials_of("postgresql://me:p%40ss@host/db mysql://a:b@c") == ["p%40ss", "p@ss"]


@pytest.mark.parametrize("value", ["abc", "  ab ", "text", "toke", "Metadata", "20261"])
def test_what_cannot_be_hidden_is_refused_in_one_line_that_does_not_show_it(value):
    with pytest.raises(BadParameters) as caught:
        Redactor({"token": value})
    [problem] = caught.value.problems
    assert "The secret 'token' " in problem
    assert f"'{value}'" not in problem
    assert "\n" not in problem


def test_digits_are_hidden_where_they_are_a_number_not_in_another():
    redactor = Redactor({"pin": "202411"})
    others = "0.202411 1202411 2024110 202411.5"
    assert redactor.text(f"pin 202411. {others}") == f"pin [secret:pin]. {others}"
    told = redactor.document({"a": 202411, "b": 0.202411, "c": True})
    assert told == {"a": "[secret:pin]", "b": 0.202411, "c": True}


def test_a_notebook_is_cleaned_in_every_corner(redactor):
    half = len(VALUE) // 2
    outputs = [
        new_output("stream", name="stdout", text=f"a {VALUE[:half]}"),
        new_output("stream", name="stderr", text="between"),
        new_output("stream", name="stdout", text=f"{VALUE[half:]} z"),
        new_output("display_data", {"text/html": f"<b>{html.escape(VALUE)}</b>", "application/json": {VALUE: [VALUE]}}),
        new_output("error", ename="E", evalue=VALUE, traceback=[f"\x1b[31m{VALUE}"]),
    ]
    notebook = new_notebook(cells=[new_code_cell(f"x = {VALUE!r}", outputs=outputs)], metadata={"x": {"y": VALUE}})
    told = redactor.notebook(notebook)
    text = json.dumps(told, ensure_ascii=False)
    assert redactor.text(text) == text
    assert VALUE[:half] not in text
    assert "".join(one["text"] for one in told["cells"][0]["outputs"][:3]) == f"a {MARK}between z"
    assert told["cells"][0]["outputs"][3]["data"]["application/json"] == {MARK: [MARK]}


def test_a_picture_stays_as_it_is_unless_its_bytes_hold_the_value(redactor):
    clean = base64.b64encode(b"\x89PNG\r\n\x00 pixels").decode()
    told = base64.b64encode(b"\x89PNG\r\n\x00 tEXt Title " + VALUE.encode()).decode()
    outputs = [new_output("display_data", {"image/png": one}) for one in (clean, told)]
    cell = redactor.notebook(new_notebook(cells=[new_code_cell("x", outputs=outputs)]))["cells"][0]
    assert [one["data"]["image/png"] for one in cell["outputs"]] == [clean, MARK]


def test_a_process_finds_its_secrets_in_its_environment():
    environment = {"WORKBENCH_SECRETS": '{"token": "T"}', "T": VALUE}
    assert of_environment(environment).text(VALUE) == MARK
    assert of_environment({"T": VALUE}).text(VALUE) == VALUE


def test_a_redactor_does_not_show_what_it_knows(redactor):
    assert repr(redactor) == "Redactor(token)"
