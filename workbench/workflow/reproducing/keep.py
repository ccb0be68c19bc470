"""A run that was made again becomes an experiment of kind ``reproduction``, which says how it compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.experiment import REPRODUCTION, Manifest, write_manifest
from workbench.documents.files import FORMAT, read_json, write_json
from workbench.errors import StoreError
from workbench.workflow.reproducing.environment import Environment
from workbench.workflow.reproducing.given import Given

if TYPE_CHECKING:
    from workbench.comparison import Reproduction
    from workbench.experiment import Experiment, Store

FINDINGS = "reproduction.json"


def keep(
    then: Experiment, made: Experiment, given: Given, environment: Environment, store: Store, scratch: Store
) -> tuple[Experiment, Reproduction]:
    """Keep a run that was made again, with what is equal and what differs.

    Parameters
    ----------
    then, made : Experiment
        The run that was to be reproduced, and the one that was made of it, in a store of its own.
    store : Store
        Where it is kept.
    scratch : Store
        The store it is in: its folder is taken over, so that nothing is copied and all is there at once.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    from workbench.comparison import reproduction
    from workbench.experiment import Experiment, objects
    from workbench.experiment.capturing.capture import entries
    from workbench.experiment.describing.describe import describe
    from workbench.experiment.store import put_in_place, translated
    from workbench.workflow.keep import page

    folder = made.path
    with translated(store):
        _restore_parameters(then, folder, given)
        _restore_repository(then, folder)
        manifest = _manifest(then, made, given)
        experiment = Experiment(made.reference, folder, manifest)
        found = reproduction(then, experiment)
        of = {"format": FORMAT, "of": str(then.reference), "environment": environment.as_document()}
        write_json(folder / FINDINGS, of | found.as_document())
        about = (f"This is {then.reference}, made again.", *found.sentences)
        (folder / "report.html").write_text(page(experiment, given.template.title, about), encoding="utf-8")
        describe(folder, manifest)
        for entry in objects.named(manifest, objects.DATA):
            objects.keep_file(store, objects.place(scratch, entry["digest"]))
        manifest = write_manifest(folder, manifest | {"files": entries(folder)})
        if not put_in_place(store.create(), folder, made.reference):
            raise StoreError(str(store.path), f"already holds {made.reference}", "Run it again.")
    return Experiment(made.reference, store.folder(made.reference), manifest), found


def _restore_parameters(then: Experiment, folder: Path, given: Given) -> None:
    """Say of each value that was not given anew where it came from then; a table's place is where it was, too."""
    file = folder / "parameters.json"
    if not file.is_file():
        return
    document, known = read_json(file), then.parameters()
    told = {name: known.get(name, one) if name not in given.anew else one for name, one in _told(document).items()}
    write_json(file, document | {"parameters": told})


def _restore_repository(then: Experiment, folder: Path) -> None:
    """Say of the repository what was said then: the copy of the template that was run lies in none."""
    known, file = (place / "environment" / "git.json" for place in (then.path, folder))
    file.unlink(missing_ok=True)
    if known.is_file():
        file.write_bytes(known.read_bytes())


def _told(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document.get("parameters", {}))


def _manifest(then: Experiment, made: Experiment, given: Given) -> Manifest:
    from workbench.experiment import objects
    from workbench.template.named import SecretType

    tables = {(one.get("parameter"), one["digest"]): one for one in objects.named(then.manifest, objects.DATA)}
    used = objects.named(made.manifest, objects.DATA)
    named = [tables.get((one.get("parameter"), one["digest"]), one) for one in used]
    same_values = given.anew <= set(given.template.named(SecretType))  # of a secret no fingerprint knows
    same_work = same_values and made.manifest["data"].get("digest") == then.manifest["data"].get("digest")
    plain = {name: value for name, value in made.manifest.items() if name not in ("format", "digest")}
    return plain | {
        "kind": REPRODUCTION,
        "cause": {"kind": REPRODUCTION, "of": str(then.reference)},
        "parents": [str(then.reference)],
        "template": then.manifest["template"],
        "fingerprint": then.manifest["fingerprint"] if same_work else made.manifest["fingerprint"],
        "objects": [*named, *objects.named(then.manifest, objects.CHANGES)],
    }
