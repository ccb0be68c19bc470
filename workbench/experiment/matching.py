"""Which version of a name is meant: by a part of it, or by the name alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.documents.experiment import REPRODUCTION, Manifest
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


def latest(versions: Sequence[str], manifest_of: Callable[[str], Manifest | None]) -> str | None:
    """Choose the version started last; one that was made again only where there is nothing else.

    Parameters
    ----------
    versions : sequence of str
    manifest_of : callable
        Reads the manifest of a version. Where it gives None, that one is not there yet, and is passed over.
    """
    found: list[tuple[str, Manifest]] = []
    for second in dict.fromkeys(version.partition("-")[0] for version in sorted(versions, reverse=True)):
        alike = [(one, told) for one in versions if one.startswith(second) and (told := manifest_of(one)) is not None]
        found += sorted(alike, key=_start, reverse=True)  # the exact time decides between those of one second
        if own := [one for one, told in found if told["kind"] != REPRODUCTION]:
            return own[0]
    return found[0][0] if found else None


def _start(one: tuple[str, Manifest]) -> tuple[str, str]:
    return str(one[1]["started"]), one[0]


def _shown(name: str, versions: Sequence[str]) -> str:
    newest = [str(Reference(name, version)) for version in sorted(versions, reverse=True)]
    return ", ".join(newest[:SHOWN]) + (f", … ({len(newest)} in all)" if len(newest) > SHOWN else "")
