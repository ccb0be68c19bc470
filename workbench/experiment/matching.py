"""Which version of a name is meant by a part of it."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import BadReference
from workbench.records import Reference

SHOWN = 8


def matching(text: str, name: str, version: str, versions: Sequence[str]) -> str:
    """Choose the one version that `version` is the beginning of, or its hex part is.

    Raises
    ------
    BadReference
        If there is none or several; the message shows `text` as it was typed, and what there is.
    """
    found = [one for one in versions if one.lower().startswith(version) or one.partition("-")[2].startswith(version)]
    exact = [one for one in found if version in (one.lower(), one.partition("-")[2])]
    chosen = exact or found
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise BadReference(text, f"matches {len(chosen)} experiments", f"Give more of it: {_shown(name, chosen)}.")
    raise BadReference(
        text, f"matches none of the {len(versions)} experiments", f"There are: {_shown(name, versions)}."
    )


def _shown(name: str, versions: Sequence[str]) -> str:
    newest = [str(Reference(name, version)) for version in sorted(versions, reverse=True)]
    return ", ".join(newest[:SHOWN]) + (f", … ({len(newest)} in all)" if len(newest) > SHOWN else "")
