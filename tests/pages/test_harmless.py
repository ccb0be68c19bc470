"""Pages of others: which may be opened as they are, and what is left of one that may not."""

from __future__ import annotations

import re
from contextlib import suppress

import nbformat.v4 as v4
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadArtifact
from workbench.pages import harmless
from workbench.pages.harmless import BEGINNING, cleaned, is_harmless, is_shielded
from workbench.pages.report import report

PIECES = ["<", ">", "</", "'", '"', '<p title="', '<a href="']
HTML = "<table><tr><td style='color: red'>1</td></tr></table><img src='data:image/png;base64,AA=='>"
CODE = "import os\n# <script>alert(1)</script>\nprint('<a href=\"x.html\">')"


@pytest.fixture
def ours() -> str:
    """A report of our own, of a notebook with all that notebooks hold."""
    outputs = [
        v4.new_output("display_data", data={"text/html": HTML}),
        v4.new_output("stream", text="<b>\x1b[31mred\x1b[0m & so on"),
        v4.new_output("display_data", data={"image/png": "AA=="}),
        v4.new_output("error", ename="E", evalue="<x>", traceback=["a", "b"]),
    ]
    text = "## One\n[a link](https://example.org) <iframe></iframe> $a<b$\n\n## Two\n\n## Three\n\n## Four"
    cells = [v4.new_markdown_cell(text), v4.new_code_cell(CODE, outputs=outputs)]
    return report(v4.new_notebook(cells=cells), title="<Who> & what", facts={"reason": "1 < 2", "author": "ada"})


def test_a_report_of_ours_is_harmless_whatever_stands_in_its_code(ours):
    assert "x.html" in ours
    assert is_harmless(ours.encode())


EVIL = [
    "<script>alert(1)</script>",
    "<SCRIPT src=//evil.example/x.js></SCRIPT>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>",
    "<iframe src=https://evil.example>",
    "<object data=x.html>",
    "<embed src=x.html>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<META\nHTTP-EQUIV=refresh content='0;url=x.html'>",
    "<base href=https://evil.example/>",
    "<link rel=dns-prefetch href=https://evil.example>",
    "<form action=https://evil.example><button>send</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<video src=https://evil.example>",
    "<!-- <p> --><script>alert(1)</script>",
    "<!--",
    "<?xml-stylesheet href='https://evil.example'?>",
    "<![CDATA[<script>]]>",
    "<a href=x.html>read on</a>",
    "<a href='outputs/evil.html'>read on</a>",
    '<a href="outputs/evil.html">read on</a>',
    '<a href="file:///etc/passwd">read on</a>',
    '<a href="javascript:alert(1)">read on</a>',
    '<a href="&#106;avascript:alert(1)">read on</a>',
    '<a title=">" href="data:text/html,x">read on</a>',
    '<a HREF = "//evil.example">read on</a>',
    '<a href="runs/../outputs/evil.html">read on</a>',
    '<a href="runs/..%2foutputs%2fevil.html">read on</a>',
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><img title='</textarea><script>alert(1)</script>'>",
    "<x-element>",
]


@pytest.mark.parametrize("evil", EVIL)
def test_a_page_with_anything_that_could_act_is_not_harmless(ours, evil):
    page = ours
    assert not is_harmless(page.replace("</main>", f"{evil}</main>").encode())
    assert not is_harmless(page.replace("</head>", f"{evil}</head>").encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.replace("default-src", "image-src"),
        lambda page: page.replace('<meta http-equiv="Content-Security-Policy"', "<meta name='x'"),
        lambda page: page.replace("<head>", "<head><p>", 1),
        lambda page: f"<!-- -->{page}",
        lambda page: f"\ufeff{page}",
        lambda page: page.replace("utf-8", "utf-7", 1),
        lambda page: re.sub("<meta.*?>", "", page),
        lambda page: page[1:],
        lambda _: "",
        lambda _: "<p>text</p>",
    ],
)
def test_a_page_that_does_not_begin_with_our_policy_is_not_harmless(ours, change):
    assert not is_harmless(change(ours).encode())


def test_links_that_lead_to_runs_beside_a_page_may_stand_in_it(ours):
    link = '<a href="runs/farm-1@20261121T183000Z-1f3ac09e.html">farm</a> <a href="#a">here</a>'
    assert is_harmless(ours.replace("</main>", f"{link}</main>").encode())


def test_of_a_cleaned_page_texts_tables_and_pictures_are_left(ours):
    page = cleaned(ours, title="churn@1")
    assert is_shielded(page.encode())
    for text in ("One", "Four", "<td style=", "data:image/png;base64,AA==", "print", "1 &lt; 2"):
        assert text in page
    assert "This page came from elsewhere" in page


@pytest.mark.parametrize("evil", EVIL)
def test_of_a_cleaned_page_nothing_is_left_that_could_act(evil):
    page = cleaned(f"<html><body><p>before</p>{evil}</body></html>", title="x")
    assert is_shielded(page.encode())
    body = page.split("<main>")[1]
    assert "before" in body
    assert not re.search(r"<[^>]*\b(on\w+|src|action|http-equiv|srcdoc)\s*=", body)
    assert not re.search(r"<a [^>]*href=.(?!https?://|mailto:|#)", body)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(st.sampled_from([*EVIL, *PIECES]), st.text(max_size=20)), max_size=6))
def test_whatever_is_cleaned_is_shielded(parts):
    assert is_shielded(cleaned("".join(parts), title="x").encode("utf-8", "replace"))


def test_a_page_too_large_to_be_cleaned_is_refused(monkeypatch):
    monkeypatch.setattr(harmless, "LARGEST", 100)
    with pytest.raises(BadArtifact, match="too much to be cleaned"):
        cleaned("x" * 101, title="x")


def test_a_page_nested_as_none_is_can_be_cleaned_or_is_refused():
    with suppress(BadArtifact):
        assert "deep" in cleaned("<div>" * 3_000 + "deep", title="x")


def test_our_beginning_holds_the_policy_and_nothing_that_is_filled_in():
    assert BEGINNING.endswith(b"<title>")
    assert b"default-src &#39;none&#39;;" in BEGINNING
    assert b"{" not in BEGINNING
