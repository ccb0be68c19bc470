"""The manifest: a promise to later versions, and the golden experiment of before the freeze that holds it to that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.comparison import compare, diff
from workbench.documents.experiment import FIELDS, parse_manifest, problems, read_manifest, write_manifest
from workbench.errors import BadArtifact
from workbench.experiment import load, verify

GOLDEN = Path(__file__).parents[1] / "golden" / "experiment"


def test_what_was_kept_before_the_form_was_frozen_stays_readable():
    kept = load(GOLDEN / "format-0")
    assert verify(kept) == []
    assert str(kept.reference) == "churn@20261121T183000Z-1f3ac09e"
    assert (kept.status, kept.metric) == ("completed", "roc_auc")
    assert kept.scores()["roc_auc"].value == pytest.approx(0.93, abs=0.07)
    assert kept.parameters()["target"] == {"value": "Churn", "source": "-p"}
    assert kept.task()["classes"] == ["No", "Yes"]
    assert [column["name"] for column in kept.columns()] == ["tenure", "charges", "Churn"]
    assert len(kept.predictions()) == 120
    assert compare([kept]).places[0].rank == 1
    assert diff(kept, kept).parameters == ()


def test_unknown_fields_are_kept(keep):
    kept = keep(1)
    later = {**kept.manifest, "carbon": {"grams": 3}, "data": {**kept.manifest["data"], "licence": "CC0"}}
    write_manifest(kept.path, later)
    again = read_manifest(kept.path)
    write_manifest(kept.path, again)
    assert read_manifest(kept.path)["carbon"] == {"grams": 3}
    assert read_manifest(kept.path)["data"]["licence"] == "CC0"
    assert verify(load(kept.path)) == []


def test_a_later_format_says_to_upgrade(keep):
    kept = keep(1)
    write_manifest(kept.path, {**kept.manifest, "format": 7})
    with pytest.raises(BadArtifact, match=r"of format 7; this workbench reads 0 and 1\. Upgrade it\."):
        load(kept.path)


def test_everything_that_is_wrong_is_told_at_once(keep):
    manifest = keep(1).manifest
    del manifest["status"]
    manifest |= {"labels": [], "ref": "../../etc@1", "scores": {"roc_auc": 3}, "files": [{"name": 1}]}
    manifest["objects"] = [{"role": "data", "name": "..", "digest": f"sha256:{'0' * 64}", "size": 1}]
    assert problems(manifest) == [
        "status is missing",
        "labels is not dict",
        "ref '../../etc@1' is not a name and a version",
        "files holds something that is not {name, digest, size}",
        "objects holds something that is not {role, name, digest, size}",
        "scores holds something that is not {value, low, high, …}",
    ]


def test_a_manifest_has_every_field_of_the_design(keep):
    assert set(keep(1).manifest) == {"format", "digest", *FIELDS}


@pytest.mark.parametrize("form", [True, False, "1", None, [], 0.5, -1])
def test_a_format_that_is_none_is_refused(keep, form):
    document = {**keep(1).manifest, "format": form}
    with pytest.raises(BadArtifact, match="of format"):
        parse_manifest(json.dumps(document).encode(), "it")
