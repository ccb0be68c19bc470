"""A candidate passes the gate and is live, or is refused; either way the ledger knows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.documents.bundle import check_golden
from workbench.documents.bundle_manifest import verify_bundle
from workbench.documents.ledger import find_bundle, live, read_ledger
from workbench.documents.leftovers import make
from workbench.errors import BadArtifact, BadReference, StoreError
from workbench.promotion import Policy, Promotion, promote
from workbench.records import Check

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Keep = Callable[..., Any]


def promoted(experiment: Any, store: Path, policy: Policy | None = None, model: str = "churn") -> Promotion:
    return promote(experiment, model, store, policy, author="ana", now=NOW)


def failed(promotion: Promotion) -> list[str]:
    return [verdict.name for verdict in promotion.verdicts if not verdict.passed]


def test_the_first_that_is_sound_is_live(keep: Keep, store: Path) -> None:
    experiment = keep()
    promotion = promoted(experiment, store)
    assert promotion.passed
    assert promotion.path == find_bundle(store, "model:churn/live")
    assert promotion.path.name.startswith("20261121T120000Z-")
    assert check_golden(promotion.path).difference == 0
    entry = live(read_ledger(store, "churn"))
    assert entry == promotion.entry
    assert (entry.author, entry.time, entry.experiment) == (
        "ana",
        "2026-11-21T12:00:00+00:00",
        str(experiment.reference),
    )


def test_what_a_killed_promotion_had_put_together_is_removed_by_the_next(keep: Keep, store: Path) -> None:
    bundles = store / "models" / "churn" / "bundles"
    bundles.mkdir(parents=True)
    makes = "from workbench.documents.leftovers import make, Path; import sys; make(Path(sys.argv[1]), '.bundle')"
    subprocess.run([sys.executable, "-c", makes, str(bundles)], check=True)
    in_use = make(bundles, ".bundle")
    promotion = promoted(keep(), store)
    assert set(bundles.iterdir()) == {promotion.path, in_use}


def test_the_bundle_holds_all_that_serving_and_people_need(keep: Keep, store: Path) -> None:
    experiment = keep()
    bundle = promoted(experiment, store).path
    manifest = verify_bundle(bundle)
    assert manifest["experiment"] == {"ref": str(experiment.reference), "digest": experiment.manifest["digest"]}
    assert manifest["scores"]["roc_auc"]["value"] == 0.8
    names = {path.name for path in bundle.iterdir()}
    assert names >= {
        "MLmodel",
        "model.skops",
        "code",
        "schema.json",
        "profile.json",
        "golden.json",
        "card.md",
        "Dockerfile",
    }
    assert yaml.safe_load((bundle / "MLmodel").read_text())["metadata"]["model"] == "churn"
    assert (bundle / "model.skops").read_bytes() == (experiment.model / "model.skops").read_bytes()


def test_the_card_says_in_plain_words_what_it_is(keep: Keep, store: Path) -> None:
    card = (promoted(keep(), store).path / "card.md").read_text()
    for told in (
        "Predicts the column `Churn` (`No` or `Yes`)",
        "| **roc_auc** | 0.8000 | 0.7500 to 0.8500 | higher |",
        "`customers.csv`, 240 rows",
        "- warn: 2 rows stand twice.",
        "promoted by ana",
        "- beats_live: nothing is live yet",
    ):
        assert told in card
    assert "secret place" not in card


def test_the_dockerfile_predicts_a_file(keep: Keep, store: Path) -> None:
    bundle = promoted(keep(), store).path
    code = next((bundle / "code").iterdir()).name
    text = (bundle / "Dockerfile").read_text()
    assert f'ENTRYPOINT ["python", "-m", "{code}.loader"]' in text
    assert "libgomp1" not in text  # no LightGBM in it


def test_a_better_one_takes_over_and_a_worse_one_does_not(keep: Keep, store: Path) -> None:
    first = promoted(keep(1, roc_auc=0.8), store)
    worse = promoted(keep(2, roc_auc=0.79), store)
    assert failed(worse) == ["beats_live"]
    assert worse.path is None
    assert find_bundle(store, "churn") == first.path
    better = promoted(keep(3, roc_auc=0.83), store)
    assert find_bundle(store, "churn") == better.path
    assert [entry.stage for entry in read_ledger(store, "churn")] == ["live", "refused", "live"]
    assert first.path.is_dir()


def test_the_policy_asks_for_a_margin(keep: Keep, store: Path) -> None:
    promoted(keep(1, roc_auc=0.8), store)
    assert not promoted(keep(2, roc_auc=0.81), store, Policy(margin=0.02)).passed
    assert promoted(keep(3, roc_auc=0.83), store, Policy(margin=0.02)).passed


def test_the_same_experiment_is_not_promoted_twice(keep: Keep, store: Path) -> None:
    experiment = keep()
    promoted(experiment, store)
    again = promoted(experiment, store, Policy(margin=-1))
    assert "is live already" in again.verdicts[-1].because
    assert not again.passed


UNSOUND: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a block": ({"checks": [Check("leak", "block", "It tells the target.")]}, ["no_blocking_check"]),
    "no model": ({"with_model": False}, ["golden_predictions"]),
    "a run that failed": ({"status": "failed"}, ["completed"]),
    "no score for its metric": ({"metric": "f1"}, ["beats_live"]),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_an_unsound_candidate_is_refused_and_entered(keep: Keep, store: Path, case: str) -> None:
    fields, names = UNSOUND[case]
    promotion = promoted(keep(**fields), store)
    assert failed(promotion) == names
    entries = read_ledger(store, "churn")
    assert [entry.stage for entry in entries] == ["refused"]
    assert entries[0].verdicts == promotion.verdicts
    assert not (store / "models" / "churn" / "bundles").exists()


def test_an_experiment_that_was_changed_is_refused(keep: Keep, store: Path) -> None:
    experiment = keep()
    (experiment.path / "checks.json").write_text('{"format": 0, "checks": []}')
    assert failed(promoted(experiment, store)) == ["intact"]


def test_another_target_needs_another_name(keep: Keep, store: Path) -> None:
    promoted(keep(1), store)
    other = keep(2, roc_auc=0.99, task={"kind": "binary", "target": "Left", "classes": ["No", "Yes"]})
    assert failed(promoted(other, store)) == ["same_question"]
    assert promoted(other, store, model="left").passed


def test_the_answer_is_json(keep: Keep, store: Path) -> None:
    document = json.loads(json.dumps(promoted(keep(), store).as_document()))
    assert document["passed"] is True
    assert set(document["verdicts"][0]) == {"name", "passed", "because"}


def test_of_two_promotions_at_once_each_is_judged_against_what_is_live_then(keep: Keep, store: Path) -> None:
    experiments = [keep(number, roc_auc=0.8 + number / 100) for number in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        promotions = list(pool.map(lambda experiment: promoted(experiment, store), experiments))
    entries = read_ledger(store, "churn")
    assert len(entries) == 4
    assert live(entries).experiment == str(experiments[-1].reference)
    lived = [entry.experiment for entry in entries if entry.stage == "live"]
    assert lived == sorted(lived)
    bundles = sorted((store / "models" / "churn" / "bundles").iterdir())
    assert bundles == sorted(promotion.path for promotion in promotions if promotion.passed)


def test_a_damaged_live_bundle_is_told_and_nothing_changes(keep: Keep, store: Path) -> None:
    first = promoted(keep(1), store)
    (first.path / "manifest.json").write_text("{}")
    with pytest.raises(BadArtifact):
        promoted(keep(2, roc_auc=0.9), store)
    assert len(read_ledger(store, "churn")) == 1


def test_a_name_no_model_can_have_is_refused(keep: Keep, store: Path) -> None:
    with pytest.raises(BadReference, match="no name for a model"):
        promoted(keep(), store, model="Churn!")


def test_an_experiment_that_still_runs_is_not_judged(keep: Keep, store: Path) -> None:
    with pytest.raises(BadReference, match="still running"):
        promoted(keep(status="running"), store)
    assert read_ledger(store, "churn") == []


def test_a_store_that_cannot_be_written_keeps_nothing(keep: Keep, store: Path) -> None:
    experiment = keep()
    (store / "models").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        promoted(experiment, store)
