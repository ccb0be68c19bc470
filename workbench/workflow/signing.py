"""Somebody vouches for an experiment with a key; whoever has the public half of it can tell."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadOutput, BadReference
from workbench.workflow.place import Where, experiment_of

if TYPE_CHECKING:
    from workbench.experiment.verifying import Verified

PASSWORD = "WORKBENCH_KEY_PASSWORD"  # noqa: S105 -- the name of a variable


@dataclass(frozen=True, slots=True)
class Signed:
    """An experiment that was signed, and the file that says so."""

    ref: str
    path: Path

    def as_document(self) -> dict[str, Any]:
        """Put it as JSON."""
        return {"ref": self.ref, "path": str(self.path)}


def sign(ref: str, key: Path | str, out: Path | str | None = None, *, store: Where = None) -> Signed:
    """Sign an experiment with a private key, if it is what was kept.

    Parameters
    ----------
    ref : str
    key : path
        PEM; its password is taken from ``WORKBENCH_KEY_PASSWORD``.
    out : path, optional
        Where to write the signature; by default ``<name>@<8 hex>.sig`` in the working folder.

    Raises
    ------
    BadArtifact
        If a byte of it is not what was kept.
    BadKey
        If the key cannot sign.
    BadOutput
        If the signature cannot be written, or would lie in the experiment itself.
    """
    from workbench.documents.files import write_bytes
    from workbench.experiment.sharing import signing
    from workbench.experiment.verifying import insist_on_whole

    experiment = experiment_of(ref, store)
    if experiment.status == "running":
        raise BadReference(ref, "is still running", "Sign it when it has ended.")
    insist_on_whole(experiment)
    path = _beside(experiment.path, Path(key), Path(out or f"{experiment.short}.sig"))
    password = os.environ.get(PASSWORD)
    signature = signing.sign(experiment.path, Path(key), password.encode() if password else None)
    try:
        write_bytes(path, signature)
    except OSError as error:
        raise BadOutput(str(path), f"cannot be written: {error.strerror}") from error
    return Signed(str(experiment.reference), path)


def _beside(folder: Path, key: Path, path: Path) -> Path:
    from workbench.experiment.sharing.share import lies_in

    if lies_in(path, folder):
        raise BadOutput(str(path), "lies in the experiment, which never changes", "Name a file elsewhere.")
    if lies_in(path, key):
        raise BadOutput(str(path), "is the key itself", "Name another file.")
    if path.exists() and path.suffix != ".sig":
        raise BadOutput(str(path), "exists already and is no signature", "Name another file, or remove it first.")
    return path


def verify_signature(found: Verified, key: Path | str, signature: Path | str | None = None) -> Verified:
    """Add to what was found of an experiment whether it is what the owner of a key signed.

    Raises
    ------
    BadKey, BadArtifact
        If the key or the signature cannot be read. That it proves nothing is a problem among the others.
    BadReference
        If it is a zip.
    """
    from workbench.documents.experiment import VERSION
    from workbench.experiment.sharing.signing import compare_with_signature
    from workbench.records import Reference

    if not found.path.is_dir():
        raise BadReference(found.ref, "is no folder, and a signature is of one", "Import the zip first.")
    told = Reference.parse(found.ref)
    if not VERSION.fullmatch(told.version):  # its manifest is damaged, but not the name of its folder
        told = Reference(found.path.parent.name, found.path.name)
    file = Path(signature or f"{told.short}.sig")
    problems = compare_with_signature(found.path, file, Path(key))
    notes = () if problems else (f"signed with the key {key}",)
    return replace(found, problems=(*found.problems, *problems), notes=(*found.notes, *notes))
