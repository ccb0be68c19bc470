"""Make the golden store of the current format: ``python tests/golden/store/make.py``.

Run it once when a format is frozen, look at the result, and check it in; tests read it and never write it. It refuses
to replace one: what an earlier version wrote has to stay readable as it is.

The run folders are made by hand, as in the tests; all that is kept of them is written by what keeps real ones: a run,
one that failed, the first made again, a batch of two, notes and tags, and a model with one promotion and one refusal.
Of fitted models only the documents are there (MLmodel, schema.json, golden.json, background.json, …). The source in
``code/`` and the weights are some 200 kB each time, and whether they load is up to libraries, not to our format: an
experiment is kept without them, and the bundle is promoted whole in another store, its manifest and its ledger entry
written anew over what is left. Machine, user, repository and packages have made-up names.
"""

from __future__ import annotations

import os
import runpy
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from workbench.batches import Outcome, keep, plan
from workbench.batches.spec import spec_of
from workbench.dataset import read_table
from workbench.dataset.profile import profile
from workbench.dataset.read import with_roles
from workbench.dataset.table import coercer_of
from workbench.documents.bundle import write_model
from workbench.documents.bundle_manifest import read_bundle_manifest, verify_bundle, write_bundle_manifest
from workbench.documents.files import FORMAT, digest
from workbench.documents.ledger import append, bundle_folder
from workbench.documents.table import write_profile, write_schema
from workbench.documents.why import write_background
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.ensemble import Bag, Ensemble, FoldModel
from workbench.estimators.linear import LinearModel
from workbench.estimators.model import TabularModel
from workbench.experiment import Experiment, Store, notes, objects
from workbench.experiment.capturing import environment
from workbench.experiment.capturing.environment import Package
from workbench.experiment.upkeep.fsck import fsck
from workbench.pages.batch import batch_page
from workbench.promotion import promote
from workbench.records import Reference, TableSchema
from workbench.template import find
from workbench.workflow.keep import keep as keep_run
from workbench.workflow.reproducing.environment import Environment
from workbench.workflow.reproducing.given import Given
from workbench.workflow.reproducing.keep import keep as keep_again

HERE = Path(__file__).parent
BY_HAND = runpy.run_path(str(HERE.parents[1] / "experiment" / "conftest.py"))
PACKAGES = {"notebook-workbench": "0.1.0", "numpy": "1.26.4", "pandas": "2.2.3", "scikit-learn": "1.5.2"}
REPOSITORY = {"commit": "5d0d9cbc" * 5, "branch": "main", "remote": "https://example.org/shop.git", "changed": True}
CHANGES = b"diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-old\n+new\n"
USED = {"wall": 0.8, "cpu": 0.6, "peak_memory": 200_000_000}
BATCH = Reference("shops", "20261121T183000Z-1f3ac09e")
NOW = datetime(2026, 11, 21, 19, tzinfo=UTC)


class Maker:
    """The table, the model fitted on it, and the stores that are filled."""

    def __init__(self, folder: Path) -> None:
        self.store, self.scratch = (Store(folder / name).create() for name in ("store", "scratch"))
        truth = BY_HAND["predicted"](2.0, 1)["truth"]
        noise = np.random.default_rng(0).normal(0, 8, (2, len(truth))).round(1)
        (folder / "customers.csv").write_text(
            pd.DataFrame({"tenure": 30 + noise[0], "charges": 60 + noise[1] + 9 * (truth == "Yes"), "Churn": truth})
            .round(1)
            .to_csv(index=False, lineterminator="\n")
        )
        self.table, dataset = folder / "customers.csv", read_table(folder / "customers.csv")
        self.schema, self.raw = with_roles(dataset.schema, {"Churn": "target"}), dataset.frame
        self.model = folder / "model"
        write_fitted(self.model, self.schema, self.raw)

    def run(self, number: int, *, scratch: bool = False, whole: bool = False, **changes: Any) -> Experiment:
        """Keep one run; with `whole`, with the weights and the source of its model."""
        store = self.scratch if scratch else self.store
        data = {"role": "data", "name": "customers.csv", "parameter": "data", **objects.keep_file(store, self.table)}
        diff = {"role": "changes", "name": "changes.diff", **objects.keep_bytes(store, CHANGES)}
        beside: Mapping[str, Any] = {"git": REPOSITORY, "objects": [data, diff], "resources": USED, **changes}
        folder = BY_HAND["make_run"](store, number, data=data["digest"], outputs={"forecast.csv": "row\n1\n"}, **beside)
        if folder.read().status == "completed":
            write_schema(folder.outbox / "data" / "schema.json", self.schema)
            write_profile(folder.outbox / "data" / "profile.json", profile(self.raw, self.schema))
            shutil.rmtree(folder.outbox / "model")
            shutil.copytree(self.model, folder.outbox / "model", ignore=None if whole else without_weights)
        return keep_run(folder, store, "Who will leave?")


without_weights = shutil.ignore_patterns("code", "model.skops", "manifest.json", "__pycache__")


def main() -> None:
    place = HERE / f"format-{FORMAT}"
    if place.exists():
        raise SystemExit(f"{place} exists already")
    make(place)
    files = [path for path in sorted(place.rglob("*")) if path.is_file()]
    told = [f"{digest(path).removeprefix('sha256:')}  {path.relative_to(place).as_posix()}\n" for path in files]
    place.with_suffix(".sha256").write_text("".join(told))


def make(place: Path) -> None:
    """Make a store, and put it in a new place."""
    with tempfile.TemporaryDirectory() as folder, as_somebody():
        maker = Maker(Path(folder))
        first = maker.run(1, price={"price": "0.10 EUR/h", "share": 1.0})
        maker.run(2, status="failed", reason="The table 'customers.csv' has no rows.")
        make_again(maker, first)
        keep_batch(maker)
        for kind, *texts in (
            ("note", "The first that was good enough."),
            ("tag", "baseline", "shown"),
            ("untag", "shown"),
        ):
            notes.add(maker.store, first.reference, kind, *texts, author="ada", now=NOW)
        enter(maker, first)
        assert (checked := fsck(maker.store)).whole, checked.problems
        for spare in ("index", "running"):
            shutil.rmtree(maker.store.path / spare, ignore_errors=True)
        shutil.copytree(maker.store.path, place)


@contextmanager
def as_somebody() -> Iterator[None]:
    """Work on a machine without a name, where only a few packages are installed."""
    few = {name: Package(name, version, {}, "BSD-3-Clause") for name, version in PACKAGES.items()}
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, {"LOGNAME": "ada"}))
        stack.enter_context(mock.patch("platform.platform", return_value="Linux-x86_64"))
        stack.enter_context(mock.patch.object(environment, "_installed", side_effect=lambda: dict(few)))
        stack.enter_context(mock.patch.object(environment, "_commit", return_value=(None, None)))
        yield


def write_fitted(folder: Path, schema: TableSchema, raw: pd.DataFrame) -> None:
    """Fit a linear model and write its folder."""
    features = [column for column in schema.columns if column.role == "feature"]
    coercer = coercer_of(features)
    truth = (raw["Churn"] == "Yes").to_numpy(int)
    encoder = TableEncoder(kinds={column.name: column.kind for column in features}, classes=2, seed=0, style="linear")
    matrix = encoder.fit_transform(coercer.transform(raw[[column.name for column in features]]), truth)
    ensemble = Ensemble([Bag([FoldModel(encoder, LinearModel(1e-3, 2).fit(matrix, truth))])], [1.0])
    model = TabularModel(coercer, ensemble, ["No", "Yes"], None, None, None)
    write_model(folder, model, schema=schema, golden=raw)
    write_background(folder, model, raw.iloc[::10])


def make_again(maker: Maker, first: Experiment) -> None:
    """Keep the first run made again."""
    made = maker.run(3, scratch=True)
    given = Given(find(str(first.template)), {})
    _, found = keep_again(first, made, given, Environment("same", ""), maker.store, maker.scratch)
    assert found.equal, found.sentences


def keep_batch(maker: Maker) -> None:
    """Keep two runs, and the batch they are of."""
    given = {"parents": [str(BATCH)], "cause": {"kind": "batch", "batch": str(BATCH)}}
    targets = ("Churn", "Left")
    kept = [
        maker.run(4 + n, name="shops", labels={"target": one}, parameters={"target": one}, **given)
        for n, one in enumerate(targets)
    ]
    template = Path(shutil.copyfile(kept[0].template, maker.table.with_name("classification.ipynb")))
    runs = [{"target": target} for target in targets]
    spec = spec_of({"template": "classification", "name": "shops", "runs": runs, "labels": ["target"]}, folder=HERE)
    fingerprints = iter(kept)
    planned = plan(spec, {"": find(str(template))}, lambda *_: next(fingerprints).manifest["fingerprint"])
    outcomes = [
        Outcome(
            run, one.status, str(one.reference), "", one.metric, one.score, 0.8, resources=one.manifest["resources"]
        )
        for run, one in zip(planned.runs, kept, strict=True)
    ]
    facts = {"status": "completed", "reason": "", "started": "2026-11-21T18:30:00+00:00", "author": "ada"}
    facts |= {"ended": "2026-11-21T18:30:02+00:00", "seconds": 2.0, "workers": 1, "threads": 1}
    keep(maker.store, BATCH, planned, outcomes, facts=facts, page=batch_page)


def enter(maker: Maker, first: Experiment) -> None:
    """Enter a promotion, of a bundle without its weights and source, and a refusal, for the lack of them."""
    whole = maker.run(6, scratch=True, whole=True)
    done = promote(whole, "churn", maker.scratch.path, author="ada", now=NOW)
    assert done.path is not None, done
    bundle = bundle_folder(maker.store.path, "churn", done.entry.bundle)
    shutil.copytree(done.path, bundle, ignore=without_weights)
    fields = read_bundle_manifest(done.path)
    seal = write_bundle_manifest(bundle, {name: fields[name] for name in fields if name not in ("format", "digest")})
    verify_bundle(bundle)
    append(maker.store.path, replace(done.entry, bundle_digest=seal), [])
    assert not promote(first, "churn", maker.store.path, author="ada", now=NOW).passed


if __name__ == "__main__":
    main()
