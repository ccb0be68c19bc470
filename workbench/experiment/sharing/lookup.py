"""References people type, looked up at a URL: a name, or a name and part of a version.

One whose manifest is not there yet is still on its way, and is passed over.
"""

from __future__ import annotations

from workbench.documents.experiment import LARGEST, MANIFEST, NAME, VERSION, Manifest, parse_manifest
from workbench.errors import BadAddress, BadArtifact, BadReference
from workbench.experiment.matching import latest, matching
from workbench.experiment.sharing.remote import EXPERIMENTS, Source, content, place_of
from workbench.records import Reference


def look_up(text: str, remote: Source) -> list[Reference]:
    """Find the experiment a reference stands for at a URL; of a batch its runs as well, before it.

    Raises
    ------
    BadReference
        If it matches none or several; the message names what there is.
    BadArtifact
        If its manifest is damaged.
    """
    name, _, version = text.strip().lower().partition("@")
    if not NAME.fullmatch(name):
        raise BadReference(text, "is not a name, or a name and a version", "Give it like this: churn, or churn@1f3a.")
    found = _found(text, name, version, remote)
    manifest = _manifest(remote, found)
    if manifest is None:
        told = f"{remote.told}/{place_of(found)}"
        raise BadAddress(told, f"has no {MANIFEST}", "It was not pushed to its end: push it again.")
    runs = [Reference.parse(run) for run in _runs(manifest)]
    if odd := [str(run) for run in runs if not (NAME.fullmatch(run.name) and VERSION.fullmatch(run.version))]:
        problem = f"holds a batch with a run {odd[0][:200]!r}, which is not a name and a version"
        raise BadArtifact(remote.told, problem, "Nothing of it was taken over.")
    return [*runs, found]


def _manifest(remote: Source, reference: Reference) -> Manifest | None:
    """Read a manifest; None where there is none."""
    place = place_of(reference)
    if remote.size(f"{place}/{MANIFEST}") is None:
        return None
    return parse_manifest(content(remote, f"{place}/{MANIFEST}", LARGEST), f"{remote.told}/{place}")


def _found(text: str, name: str, version: str, remote: Source) -> Reference:
    versions = [one for one in remote.folders(f"{EXPERIMENTS}/{name}") if VERSION.fullmatch(one)]
    if versions and version:
        return Reference(name, matching(text, name, version, versions))
    newest = latest(versions, lambda one: _manifest(remote, Reference(name, one)))
    if newest is None:
        raise _none(text, remote)
    return Reference(name, newest)


def _none(text: str, remote: Source) -> BadReference:
    names = [name for name in remote.folders(EXPERIMENTS) if NAME.fullmatch(name)]
    known = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    remedy = f"There are: {known}." if names else "Look at the address: it holds no experiments."
    return BadReference(text, f"matches no experiment at {remote.told}", remedy)


def _runs(manifest: Manifest) -> list[str]:
    runs = manifest.get("children", [])
    return [str(run) for run in runs] if manifest["kind"] == "batch" and isinstance(runs, list) else []
