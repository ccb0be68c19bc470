"""Lengths of time and amounts of memory, as people write them."""

from __future__ import annotations

import math
import re

from workbench.errors import BadParameters
from workbench.template.plain import shortened

LONGEST = 10 * 366 * 86400.0  # ten years: a deadline beyond the calendar's end cannot be written down
DURATION = "a length of time above zero, such as 60s, 5m or 1h30m"
MEMORY = "an amount of memory, such as 4GB, 500MB or 70%"

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_PART = re.compile(rf"({_NUMBER})\s*(d|h|m|s)(?:ays?|ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?\s*", re.ASCII)
_BYTES = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_MEMORY = re.compile(rf"({_NUMBER})\s*(?:(%)|([KMGT]?I?)B?)", re.ASCII | re.IGNORECASE)


def seconds(duration: str | float, name: str = "budget") -> float:
    """Give the seconds of a length of time such as ``"60s"``, ``"5m"``, ``"1h30m"``, ``"90"`` or ``90``.

    Raises
    ------
    BadParameters
        If it is not a length of time, not above zero, or longer than ten years.

    Examples
    --------
    >>> seconds("1h30m")
    5400.0
    """
    try:
        return _seconds(normal_duration(duration))
    except (ValueError, OverflowError):  # the latter from a number of hundreds of digits
        raise BadParameters([f"The {name} {shortened(duration)} is not {DURATION}."]) from None


def normal_duration(duration: str | float) -> str:
    """Write a length of time without blanks and with units of one letter; a bare number counts seconds.

    Raises
    ------
    ValueError, OverflowError
        If it is not a length of time above zero and up to ten years.
    """
    text = f"{float(duration):.12g}s" if isinstance(duration, int | float) else duration.strip().lower()
    if re.fullmatch(_NUMBER, text, re.ASCII):
        text += "s"
    parts = _PART.findall(text)
    normal = "".join(f"{number}{unit}" for number, unit in parts)
    repeated = len({unit for _, unit in parts}) < len(parts)
    if _PART.sub("", text) or repeated or not 0 < _seconds(normal) <= LONGEST:
        raise ValueError(text)
    return normal


def _seconds(normal: str) -> float:
    return math.fsum(float(number) * _UNITS[unit] for number, unit in _PART.findall(normal))


def memory_bytes(memory: str | float, of: float) -> int:
    """Give the bytes of an amount of memory; a share is taken of `of` bytes.

    Raises
    ------
    BadParameters
        If it is not an amount of memory.

    Examples
    --------
    >>> memory_bytes("70%", of=1000)
    700
    """
    try:
        found = _MEMORY.fullmatch(normal_memory(memory))
    except (ValueError, OverflowError):
        raise BadParameters([f"The memory {shortened(memory)} is not {MEMORY}."]) from None
    assert found is not None  # normal_memory has matched it
    number, share, unit = found.groups()
    return int(float(number) * (of / 100 if share else _BYTES[unit.upper()]))


def normal_memory(memory: str | float) -> str:
    """Write an amount of memory without blanks; a bare number counts bytes.

    Raises
    ------
    ValueError, OverflowError
        If it is not an amount of memory above zero, or a share above 100 %.
    """
    text = f"{float(memory):.15g}" if isinstance(memory, int | float) else memory.strip()
    found = _MEMORY.fullmatch(text)
    if not found:
        raise ValueError(text)
    number, share, unit = found.groups()
    if not 0 < float(number) < (100.0000001 if share else math.inf):
        raise ValueError(text)
    return f"{number}%" if share else f"{number}{unit.upper().replace('I', 'i')}B"
