"""Pages of others: whether opening one can do harm, and what of one can be shown.

A page of ours begins with a policy by which the browser itself runs nothing and loads nothing, and nothing that comes
after it can take that back. So a page is harmless that begins as ours do, to the byte, and goes on with such tags and
links alone as are left to do something under that policy: a refresh, a base, a page beside it.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from workbench.errors import BadArtifact
from workbench.pages.page import POLICY, SHELL, page
from workbench.pages.sanitize import TAGS, clean

BEGINNING = SHELL.partition("{title}")[0].format(policy=POLICY).encode()
HARMLESS = {*TAGS.split(), "body", "footer", "head", "header", "html", "main", "nav", "section", "style", "title"}
TAG = re.compile(rb"<[/!?]?([a-z!?-][^\s/>]*)", re.IGNORECASE)
LINK = re.compile(rb"<a(?![^\s/>])", re.IGNORECASE)
OTHER = rb'(?: (?!href)[a-z-]+="[^"<>]*")*'
WAY = rb'(?:(?:#|https?://|mailto:)[^"<>]*|runs/(?:[A-Za-z0-9@._-]|%40)+\.html)'
HARMLESS_LINK = re.compile(rb'<a%s(?: href="%s")?%s>' % (OTHER, WAY, OTHER))
LARGEST = 16 * 2**20  # bytes; what is all table takes three seconds for each megabyte (measured), pictures take none


def is_harmless(content: bytes) -> bool:
    """Whether a browser would run nothing of a page, load nothing, and leave it for nothing but another such page.

    Only reports of a batch's runs, in ``runs/`` beside it, may be led to: they are to be judged, too.
    """
    rest = content.removeprefix(BEGINNING)
    return is_shielded(content) and len(LINK.findall(rest)) == len(HARMLESS_LINK.findall(rest))


def is_shielded(content: bytes) -> bool:
    """Whether a browser would run nothing of a page and load nothing, wherever its links lead."""
    if not content.startswith(BEGINNING):
        return False
    tags = {tag.lower().decode("latin-1") for tag in TAG.findall(content, len(BEGINNING))}
    return tags <= HARMLESS


def cleaned(html: str, *, title: str) -> str:
    """Make a page of ours of what a page of others says: its texts, tables and pictures.

    Raises
    ------
    BadArtifact
        If it is too large, or nested as no page is.
    """
    from workbench.pages.cells import CODE_STYLE  # with nbconvert, and most pages need no cleaning

    if len(html) > LARGEST:
        raise BadArtifact(title, f"has a page of more than {LARGEST // 2**20} MB, too much to be cleaned")
    told = Markup(
        "<h1>{}</h1><p>This page came from elsewhere. What could run, load or send something was taken out of it.</p>"
    ).format(title)
    try:
        return page(title, header=told, body=clean(html), style=CODE_STYLE)
    except RecursionError:
        raise BadArtifact(title, "has a page that is nested as none is") from None
