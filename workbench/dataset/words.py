"""What words are: yes and no, names of rows, sentences, codes of countries."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from workbench.dataset.look import Look
from workbench.estimators.coerce import FALSE, MISSING, TRUE

YES_AND_NO = (  # what may stand together in one column
    ({"true", "t"}, {"false", "f"}),
    ({"yes", "y"}, {"no", "n"}),
    ({"on"}, {"off"}),
    ({"ja", "j"}, {"nein", "n"}),
    ({"oui"}, {"non"}),
    ({"sí", "si"}, {"no"}),
    ({"sim"}, {"não"}),
    ({"wahr"}, {"falsch"}),
    ({"vrai"}, {"faux"}),
)
ID_WORDS = {"id", "ids", "uuid", "guid", "uid", "pid", "rowid", "rownum"}
ID_ENDINGS = {"no", "nr", "num", "number", "nummer", "code", "ref", "key", "index", "idx"}
ENOUGH_ROWS = 20  # below, that all values differ says nothing


def yes_and_no(texts: Collection[str]) -> dict[str, Any] | None:
    """Give what the `Coercer` needs to read these distinct values as yes and no; None when they mean something else."""
    words = {text.casefold() for text in texts}
    spoken = words - {"0", "1"}
    for true, false in YES_AND_NO:
        one_sided = not (spoken & true and spoken & false) and spoken == words
        if spoken and spoken <= true | false and not (one_sided and min(map(len, spoken)) == 1):
            return {} if spoken <= {*TRUE, *FALSE} else {"true": sorted(true), "false": sorted(false)}
    return None


def are_names_of_rows(texts: Sequence[str]) -> bool:
    """Tell whether values that do not repeat are single marks, not words or addresses of pages."""
    plain = sum(not re.search(r"\s|://|^www\.", text) and len(text) <= 64 for text in texts)
    return plain >= 0.99 * len(texts)


def are_sentences(texts: Sequence[str], share_distinct: float) -> bool:
    """Tell whether many different values are of several words, or long as addresses of pages are."""
    if len(texts) < ENOUGH_ROWS:
        return False
    words = sum(len(text.split()) for text in texts) / len(texts)
    length = sum(map(len, texts)) / len(texts)
    return share_distinct > 0.3 and (words >= 3 or length >= 30 or (share_distinct > 0.5 and words >= 1.8))


def is_namibia(seen: Look) -> bool:
    """Tell whether NA is a value: it is among codes of two letters."""
    codes = sum(re.fullmatch(r"[A-Z]{2}", text) is not None for text in seen.sample)
    return "NA" in seen.tokens and len(seen.sample) >= 10 and codes >= 0.95 * len(seen.sample)


def missing_without(word: str) -> list[str]:
    """Give the words for missing, without one that is a value here."""
    return [other for other in MISSING if other != word]


def is_named_id(words: Sequence[str]) -> bool:
    """Tell whether a column's name, cut into words, speaks of an identifier."""
    return bool(ID_WORDS & set(words)) or (len(words) > 0 and words[-1] in ID_ENDINGS)
