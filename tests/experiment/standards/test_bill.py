"""The bill of materials is CycloneDX 1.6, says what the environment says, and is the same for the same experiment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from workbench.documents.files import read_json, write_json
from workbench.experiment import capture, verify
from workbench.experiment.describing.bill import write_bill

ENVIRONMENT = {
    "format": 0,
    "python": "3.11.7",
    "implementation": "cpython",
    "packages": {"ours": "1.0+gpu.2", "plain": "2.3", "told": "0.1rc1", "unknown": "3"},
    "licenses": {"plain": "MIT OR Apache-2.0", "told": ["BSD License", "ISC License (ISCL)"]},
}
LOCK = "ours @ git+https://example.org/ours.git@0123abc\nplain==2.3\ntold==0.1rc1\nunknown==3\n"


def bill(folder: Path) -> Any:
    return json.loads((folder / "sbom.cdx.json").read_text("utf-8"))


def of_kind(kind: str, told: Any) -> list[Any]:
    return [one for one in told["components"] if one["type"] == kind]


@pytest.mark.slow
def test_bills_of_all_kinds_of_runs_are_judged_right(ask: Any, keep: Any, tmp_path: Path) -> None:
    folders = {status: keep(n, status=status).path for n, status in enumerate(("completed", "failed", "killed"))}
    folders["elsewhere"] = elsewhere(folders["completed"], keep(5).manifest, tmp_path / "it")
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(bill(folders["failed"]) | {"components": [{"type": "thing", "name": "x"}]}))
    asked = {name: str(folder / "sbom.cdx.json") for name, folder in folders.items()} | {"wrong": str(wrong)}
    found = ask("bill", asked)
    assert "thing" in found.pop("wrong")
    assert found == dict.fromkeys(folders)


def elsewhere(folder: Path, manifest: Any, to: Path) -> Path:
    shutil.copytree(folder, to)
    write_json(to / "environment" / "python.json", ENVIRONMENT)
    (to / "environment" / "requirements.lock").write_text(LOCK)
    write_bill(to, manifest)
    return to


def test_every_package_is_told_with_its_address_and_terms(keep: Any, tmp_path: Path) -> None:
    kept = keep(1)
    told = {one["name"]: one for one in of_kind("library", bill(elsewhere(kept.path, kept.manifest, tmp_path / "it")))}
    assert told["plain"]["purl"] == "pkg:pypi/plain@2.3"
    assert told["plain"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert told["told"]["licenses"] == [{"license": {"name": name}} for name in ("BSD License", "ISC License (ISCL)")]
    assert "licenses" not in told["unknown"]
    assert told["ours"]["purl"].startswith("pkg:pypi/ours@1.0%2Bgpu.2?vcs_url=")
    assert unquote(told["ours"]["purl"]).endswith("git+https://example.org/ours.git@0123abc")


def test_it_names_what_the_lock_names_and_the_terms_of_most(keep: Any) -> None:
    kept = keep(1)
    libraries = of_kind("library", bill(kept.path))
    assert {one["name"]: one["version"] for one in libraries} == kept.environment()["packages"]
    assert {"numpy", "pandas", "scikit-learn", "lightgbm"} <= {one["name"] for one in libraries if "licenses" in one}
    assert sum("licenses" in one for one in libraries) > 0.9 * len(libraries)
    assert (kept.path / "sbom.cdx.json").stat().st_size < 40_000


def test_a_model_is_told_with_a_card_and_a_run_without_one_without(keep: Any) -> None:
    kept = keep(1)
    (model,), (data,) = (of_kind(kind, bill(kept.path)) for kind in ("machine-learning-model", "data"))
    assert (model["name"], model["version"]) == (kept.name, kept.version)
    card = model["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]
    metrics = {one["type"]: one for one in card["quantitativeAnalysis"]["performanceMetrics"]}
    score = kept.scores()["roc_auc"]
    assert metrics["roc_auc"]["value"] == str(score.value)
    assert metrics["roc_auc"]["confidenceInterval"] == {"lowerBound": str(score.low), "upperBound": str(score.high)}
    assert data["hashes"] == [{"alg": "SHA-256", "content": kept.manifest["data"]["digest"].partition(":")[2]}]
    failed = bill(keep(2, status="failed").path)
    assert of_kind("machine-learning-model", failed) == of_kind("data", failed) == []


def test_the_same_experiment_has_the_same_bill(keep: Any, tmp_path: Path) -> None:
    kept = keep(1)
    first = (kept.path / "sbom.cdx.json").read_bytes()
    shutil.copytree(kept.path, tmp_path / "it")
    write_bill(tmp_path / "it", kept.manifest)
    assert (tmp_path / "it" / "sbom.cdx.json").read_bytes() == first
    assert bill(keep(2).path)["serialNumber"] != json.loads(first)["serialNumber"]


@pytest.mark.parametrize("written", ['{"metric": "r2", "scores": [1, 2]}', '{"scores": {"r2": 3}}'])
def test_whatever_a_notebook_left_no_run_is_lost_for_it(run: Any, store: Any, written: str) -> None:
    folder = run(1)
    (folder.outbox / "scores.json").write_text(written)
    assert (capture(folder, store).path / "sbom.cdx.json").exists()


def test_the_bill_is_a_file_like_any_other(keep: Any) -> None:
    kept = keep(1)
    assert "sbom.cdx.json" in {entry["name"] for entry in kept.manifest["files"]}
    assert verify(kept) == []
    assert read_json(kept.path / "ro-crate-metadata.json")
