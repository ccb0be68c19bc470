"""How a text may be spelled where it is written: escaped, quoted, encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4  # characters: what is shorter stands everywhere by chance
SHORTEST_PART = 8  # of a line of a longer secret, such as a key of many lines
SHORTEST_CODE = 5  # of base64 without its ends: four characters of it stand in every picture by chance


def spellings(value: str) -> set[str]:
    """Give every usual spelling of a text, its own first among them, and those of its lines.

    As Python, JSON, HTML, URLs, CSV and SQL escape it, in hex, and in base64: also where it stands in the middle of
    what was encoded, as in ``user:password``.
    """
    return {
        form for part in _parts(value) for form in (*_escaped(part), *_encoded(part)) if len(form.strip()) >= SHORTEST
    }


def _parts(value: str) -> Iterator[str]:
    """Give the whole, without blanks around it; its lines; the texts in it when it is JSON (an account's key file)."""
    yield value
    yield value.strip()
    yield from (line.strip() for line in value.splitlines()[1:] + value.splitlines()[:1] if _is_part(line.strip()))
    if value.lstrip().startswith("{"):
        try:
            yield from (text for text in _texts(json.loads(value)) if _is_part(text))
        except (ValueError, RecursionError):
            return


def _is_part(text: str) -> bool:
    return len(text) >= SHORTEST_PART


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
        yield from document.splitlines()
    elif isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from _texts(part)


def _escaped(text: str) -> Iterator[str]:
    yield from (text, repr(text)[1:-1], ascii(text)[1:-1], text.replace('"', '""'), text.replace("'", "''"))
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield from (once, once.replace("/", "\\/"), json.dumps(once, ensure_ascii=ascii_only)[1:-1])
    markup = html.escape(text)
    yield from (markup, html.escape(text, quote=False), html.escape(markup))
    yield markup.replace("&#x27;", "&#39;")
    yield markup.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    for quoted in (_quoted(text, safe="/"), _quoted(text, safe=""), quote_plus(text, errors="replace")):
        yield quoted
        yield re.sub("%..", lambda escape: escape[0].lower(), quoted)
        yield quote(quoted, safe="")


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="replace")


def _encoded(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "surrogateescape" if _from_the_system(text) else "replace")
    yield raw.hex()
    yield raw.hex().upper()
    whole = base64.b64encode(raw).decode()
    yield from (whole, _url_safe(whole))
    for lead in range(3):  # bytes before it, up to a multiple of three
        code = base64.b64encode(b"\0" * lead + raw).decode()
        core = code[-(-lead * 8 // 6) : (lead + len(raw)) * 8 // 6]  # the characters that are its own alone
        if len(core) >= SHORTEST_CODE:
            yield from (core, _url_safe(core))


def _from_the_system(text: str) -> bool:
    """Tell a variable's value that is not UTF-8: Python reads its odd bytes as lone surrogates of this range."""
    return all("\udc80" <= letter <= "\udcff" for letter in text if "\ud800" <= letter <= "\udfff")


def _url_safe(code: str) -> str:
    return code.replace("+", "-").replace("/", "_")
