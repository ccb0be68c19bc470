"""What others wrote, safe to print: a terminal obeys control characters, and some change the order of what is read."""

from __future__ import annotations

import re

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    r"""Put a mark in place of every character that a terminal would act on or cannot show.

    >>> plain("fine\x1b[2J")
    'fine�[2J'
    """
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(document: str) -> str:
    r"""Write such characters of a JSON document as JSON itself may write them: nothing of it is lost.

    >>> escaped('["fine\x9b2J"]')
    '["fine\\u009b2J"]'
    """
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", document)
