"""HTML from a notebook made harmless: no scripts, no frames, no forms, nothing loaded from anywhere.

A notebook's outputs can hold what some data file said. The page they are put into is opened by a colleague, so only a
list of known tags, attributes and style properties passes.
"""

from __future__ import annotations

import re

import bleach  # type: ignore[import-untyped]  # ships no types
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]  # ships no types
from markupsafe import Markup

TAGS = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4
    h5 h6 hr i img ins kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th
    thead tr u ul var
"""
# No `background`, `cursor`, `list-style`: their url() would load something. No `position`: it could cover the page.
STYLES = """
    background-color border border-bottom border-collapse border-color border-left border-radius border-right
    border-spacing border-style border-top border-width color display flex font-family font-size font-style
    font-variant font-weight gap height line-height margin margin-bottom margin-left margin-right margin-top
    max-height max-width min-width opacity overflow overflow-x overflow-y padding padding-bottom padding-left
    padding-right padding-top text-align text-decoration vertical-align white-space width
"""
ATTRIBUTES = """
    alt class colspan height id open rowspan scope style title width
"""
PICTURES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp", "svg+xml"))
LINKS = ("http://", "https://", "mailto:", "#")
RAW_TEXT = re.compile(
    r"<(script|style|template|noscript|iframe|textarea|title)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
PICTURE_TAG = re.compile(r"""<img(?:[^>"']|"[^"]*"|'[^']*')*>""")


def clean(html: str) -> Markup:
    """Keep only what cannot act or load; pictures stay when they are inside the text itself.

    Examples
    --------
    >>> clean('<b onclick="go()">bold</b><script>go()</script>')
    Markup('<b>bold</b>')
    """
    # The contents of these are not text: the cleaner would show a style sheet as a paragraph.
    harmless = PICTURE_TAG.sub(_named_picture, _cleaner().clean(RAW_TEXT.sub("", html)))
    return Markup(harmless)  # noqa: S704  # it was just cleaned


def _named_picture(found: re.Match[str]) -> str:
    tag = found.group()
    if " src=" not in tag:
        return "<em>(a picture kept elsewhere, not shown here)</em>"
    return tag if " alt=" in tag else tag.replace("<img", '<img alt="Picture made by the notebook"', 1)


def _cleaner() -> bleach.Cleaner:
    styles = CSSSanitizer(allowed_css_properties=STYLES.split(), allowed_svg_properties=[])
    protocols = {"http", "https", "mailto", "data"}
    return bleach.Cleaner(tags=TAGS.split(), attributes=_passes, protocols=protocols, strip=True, css_sanitizer=styles)


def _passes(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and value.strip().startswith(PICTURES)
    if name == "href":
        return tag == "a" and value.strip().startswith(LINKS)
    return name in ATTRIBUTES.split()
