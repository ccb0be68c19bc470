"""Secrets taken out of what is written: their values however spelled, and user and password of any URL.

A value becomes ``[secret:NAME]``, the name of its parameter; user and password in a URL become ``***``, which is still
a URL. Taking out twice changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, AnyStr
from urllib.parse import unquote

from workbench.documents.inside import Unreadable, secrets_inside
from workbench.documents.spellings import SHORTEST, spellings
from workbench.errors import BadParameters

VARIABLE = "WORKBENCH_SECRETS"  # tells the kernel which environment variables hold secrets: {"name": "VARIABLE"}
HIDDEN = "***"
SHORTEST_NUMBER = 6  # digits: years and counts stand everywhere
MARK = "[secret:{}]"
CREDENTIALS = re.compile(r"(?<=://)[^/?#\s\"'<>`]+(?=@)|(?i:(?<=%3A%2F%2F)(?:(?!%2F|%40)[^/?#&\s\"'<>`])+(?=%40))")
SIGNATURES = re.compile(  # what a signed address carries in its query; only in what looks like one
    r"(?i)(?<=[?&])((?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|password|passwd|pwd|secret"
    r"|client_secret|(?:access_|id_|refresh_)?token|api_?key|subscription-key)=)[^&#\s\"'<>`\\]+"
)
# Words the documents of a run are made of: taken out everywhere, they would leave nothing that can be read.
WORDS = frozenset(
    """
    cells cell_type code data evalue execution_count ename file format hidden kernelspec kind
    language_info markdown metadata name nbformat nbformat_minor none null outputs output_type papermill
    parameters plain python reason run source status stderr stdout stream tags text text/plain time
    title true false type value version
    """.split()  # noqa: SIM905 -- a list would take a page
)

Span = tuple[int, int, str]  # from, to, what stands there instead


class Redactor:
    """Takes secrets out of texts, documents and notebooks.

    Parameters
    ----------
    secrets : mapping of str to str
        The value of each secret by its name. Empty ones are none.

    Raises
    ------
    BadParameters
        If a value is too short or too common to be taken out.
    """

    __slots__ = ("_bytes", "_digits", "_forms", "_pattern", "_raw", "names")

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        given = {name: value for name, value in (secrets or {}).items() if value}
        _refuse_what_cannot_be_hidden(given)
        self.names = tuple(given)
        self._forms = {form: name for name, value in reversed(given.items()) for form in spellings(value)}
        self._digits = {value: name for name, value in given.items() if value.isdigit()}
        self._pattern = _alternatives(self._forms)
        self._raw = {
            form.encode(kind, "surrogatepass"): name
            for form, name in self._forms.items()
            for kind in ("utf-8", "utf-16-le", "utf-16-be")
        }
        self._bytes = _alternatives(self._raw)

    def __repr__(self) -> str:
        return f"Redactor({', '.join(self.names)})"

    def text(self, text: str) -> str:
        """Take secrets out of one text."""
        return self.parts([text])[0]

    def parts(self, texts: Sequence[str]) -> list[str]:
        """Take secrets out of a text that came in parts; one that is split over several stands in the first of them."""
        found = list(texts)
        if self._pattern is not None:
            found = _spliced(found, [(*match.span(), self._mark(match[0])) for match in self._hits("".join(found))])
        whole = "".join(found)
        if "://" not in whole and "2F%2F" not in whole.upper():
            return found
        found = _spliced(found, [(*match.span(), HIDDEN) for match in CREDENTIALS.finditer(whole)])
        spans = [(match.end(1), match.end(), HIDDEN) for match in SIGNATURES.finditer("".join(found))]
        return _spliced(found, spans)

    def document(self, value: Any) -> Any:
        """Take secrets out of what JSON can hold; pictures are looked into, and left as they are or taken out whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._member(str(key), part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            if value and all(isinstance(part, str) for part in value):  # lines, as notebooks store them
                return self.parts(list(value))
            return [self.document(part) for part in value]
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self._digits:
            return MARK.format(self._digits[str(value)])
        return value

    def notebook(self, notebook: Mapping[str, Any]) -> dict[str, Any]:
        """Give a notebook without secrets; one that was printed in pieces is found, too."""
        cells = [self._cell(cell) for cell in notebook.get("cells", [])]
        return self.document({name: part for name, part in notebook.items() if name != "cells"}) | {"cells": cells}

    def names_in(self, content: bytes) -> set[str]:
        """Name the secrets whose bytes stand in `content`, as UTF-8 or UTF-16."""
        return {self._raw[match[0]] for match in self._bytes.finditer(content)} if self._bytes else set()

    @property
    def longest(self) -> int:
        """Bytes of the longest spelling."""
        return max(map(len, self._raw), default=0)

    def _member(self, key: str, value: Any) -> Any:
        if _is_encoded(key) and isinstance(value, str | list):
            return self._picture(value)
        return self.document(value)

    def _picture(self, value: Any) -> Any:
        try:
            content = base64.b64decode("".join(value))
            found = secrets_inside(content, self) if self.names else set()
        except (binascii.Error, ValueError, TypeError, Unreadable):
            return self.document(value)
        return MARK.format(min(found)) if found else value

    def _cell(self, cell: Mapping[str, Any]) -> Any:
        outputs = [dict(output) for output in cell.get("outputs") or []]
        for stream in {output.get("name") for output in outputs if output.get("output_type") == "stream"}:
            printed = [output for output in outputs if output.get("name") == stream and "text" in output]
            before = ["".join(output["text"]) for output in printed]
            for output, old, new in zip(printed, before, self.parts(before), strict=True):
                output["text"] = output["text"] if new == old else new
        told: dict[str, Any] = self.document({**cell, "outputs": outputs} if "outputs" in cell else cell)
        return told

    def _hits(self, text: str) -> Iterable[re.Match[str]]:
        return self._pattern.finditer(text) if self._pattern is not None else ()

    def _mark(self, form: str) -> str:
        return MARK.format(self._forms[form])


def credentials_of(text: str) -> list[str]:
    """Give the passwords of the URLs in a text, as written and as meant; those too short to be found are left out."""
    found = []
    for match in CREDENTIALS.finditer(text):
        password = match[0].partition(":")[2]
        found += [one for one in (password, unquote(password)) if one != HIDDEN and not problem_with("", one)]
    return list(dict.fromkeys(found))


def without_credentials(text: str) -> str:
    """Take user and password out of the URLs in a text."""
    return Redactor().text(text)


def of_environment(environment: Mapping[str, str]) -> Redactor:
    """Make the redactor of the process a notebook runs in, from its environment; of none where it names no secrets."""
    try:
        told = json.loads(environment.get(VARIABLE) or "{}")
    except ValueError:
        told = {}
    values = {name: environment.get(str(variable), "") for name, variable in told.items()} if told else {}
    return _remembered(tuple(values.items()))


@functools.lru_cache(maxsize=4)
def _remembered(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    return Redactor(dict(secrets))


def problem_with(name: str, value: str) -> str | None:
    """Say why a value could not be kept out of a run's files; None when it can be."""
    value = value.strip()
    least, kind = (SHORTEST_NUMBER, "digits") if value.isdigit() else (SHORTEST, "characters")
    if len(value) < least:
        return f"has fewer than {least} {kind}, which stand in every file by chance"
    if value.lower() in WORDS or value in MARK.format(name):
        return "is one of the words that every notebook is full of"
    return None


def _refuse_what_cannot_be_hidden(secrets: Mapping[str, str]) -> None:
    problems = [
        f"The secret {name!r} {problem}, so it could not be kept out of the run's files: give another."
        for name, value in secrets.items()
        if (problem := problem_with(name, value))
    ]
    if problems:
        raise BadParameters(problems)


def _alternatives(forms: Iterable[AnyStr]) -> re.Pattern[AnyStr] | None:
    """Make the pattern of any of them: the longest first, for the shorter may be a part of it."""
    escaped = [_alone(form) for form in sorted(forms, key=len, reverse=True)]
    if not escaped:
        return None
    bar = "|" if isinstance(escaped[0], str) else b"|"
    return re.compile(bar.join(escaped))


def _alone(form: AnyStr) -> AnyStr:
    """Escape it for a pattern; digits alone are found where they are a number, not among the digits of another."""
    if not form.isdigit():
        return re.escape(form)
    if isinstance(form, str):
        return rf"(?<![\d.]){form}(?!\.?\d)"
    return rb"(?<![\d.])" + form + rb"(?!\.?\d)"


def _is_encoded(mime: str) -> bool:
    kind, slash, name = mime.partition("/")
    return bool(slash) and (
        (kind in {"image", "audio", "video", "font"} and not name.endswith("xml"))
        or name in {"pdf", "octet-stream", "zip"}
    )


def _spliced(texts: list[str], spans: list[Span]) -> list[str]:
    """Put replacements into a text that is in parts; `spans` count in the whole, in order and apart."""
    if not spans:
        return texts
    found, start = [], 0
    for text in texts:
        end = start + len(text)
        found.append(_within(text, start, [span for span in spans if span[0] < end and span[1] > start]))
        start = end
    return found


def _within(text: str, start: int, spans: list[Span]) -> str:
    pieces, at = [], 0
    for first, last, instead in spans:
        pieces += [text[at : max(first - start, at)], instead if first >= start else ""]
        at = min(last - start, len(text))
    return "".join(pieces) + text[at:]
