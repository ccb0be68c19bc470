"""The ledger is linear, and shows when it was touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.documents import ledger
from workbench.documents.bundle_manifest import verify_bundle, write_bundle_manifest
from workbench.documents.ledger import Entry, append, find_bundle, live, models, read_ledger
from workbench.errors import BadArtifact, BadReference, StoreError, UnknownName
from workbench.records import Verdict

VERSIONS = ["20261121T100000Z-1f3ac09e", "20261121T110000Z-1f3b0000"]


def entry(stage: str = "live", bundle: str = "", digest: str = "", model: str = "churn") -> Entry:
    verdicts = (Verdict("beats_live", stage == "live", "nothing is live yet"),)
    return Entry(model, stage, "2026-11-21T10:00:00+00:00", "ana", "churn@x", verdicts, bundle, digest)


def promoted(store: Path, version: str) -> Path:
    """Make a bundle with nothing in it, and enter it."""
    folder = ledger.bundle_folder(store, "churn", version)
    folder.mkdir(parents=True)
    (folder / "model.txt").write_text(version)
    fields = dict.fromkeys(["model", "version", "created", "author", "experiment", "metric"], "")
    fields |= {name: {} for name in ("scores", "task", "data", "verdicts")}
    append(store, entry("live", version, write_bundle_manifest(folder, fields)), read_ledger(store, "churn"))
    return folder


def test_entries_are_read_back_in_order(tmp_path: Path) -> None:
    first = append(tmp_path, entry(), [])
    second = append(tmp_path, entry("refused"), [first])
    assert read_ledger(tmp_path, "churn") == [first, second]
    assert (first.number, second.number, first.previous) == (1, 2, None)
    assert live([first, second]) == first
    assert models(tmp_path) == ["churn"]


def test_each_names_the_sha256_of_the_file_before_it(tmp_path: Path) -> None:
    first = append(tmp_path, entry(), [])
    second = append(tmp_path, entry(), [first])
    before = tmp_path / "models" / "churn" / "ledger" / "000001.json"
    assert second.previous == f"sha256:{hashlib.sha256(before.read_bytes()).hexdigest()}"


def test_a_model_that_was_never_promoted_has_no_entries(tmp_path: Path) -> None:
    assert read_ledger(tmp_path, "churn") == []
    assert live([]) is None
    assert models(tmp_path / "nowhere") == []


def test_of_many_writers_at_once_each_gets_a_number_of_its_own(tmp_path: Path) -> None:
    def write(author: int) -> int:
        while True:
            try:
                return append(tmp_path, entry("refused"), read_ledger(tmp_path, "churn")).number
            except FileExistsError:
                continue

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(write, range(24)))
    assert sorted(numbers) == list(range(1, 25))
    assert len(read_ledger(tmp_path, "churn")) == 24
    assert {path.suffix for path in (tmp_path / "models" / "churn" / "ledger").iterdir()} == {".json"}


def test_a_file_system_without_links_is_exclusive_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    first = append(tmp_path, entry(), [])
    with pytest.raises(FileExistsError):
        append(tmp_path, entry("refused"), [])
    assert read_ledger(tmp_path, "churn") == [first]


def change(**fields: object) -> Callable[[Path], None]:
    def changed(file: Path) -> None:
        file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))

    return changed


TOUCHES: dict[str, tuple[int, Callable[[Path], object], str]] = {
    "a field of the first": (1, change(author="eve"), "was changed"),
    "a field of the last": (3, change(stage="live"), "was changed"),
    "layout alone": (1, lambda file: file.write_text(file.read_text() + "\n"), "does not follow"),
    "one is missing": (2, Path.unlink, "entry 2 .* belongs"),
    "the first is missing": (1, Path.unlink, "entry 1 .* belongs"),
    "one is cut short": (2, lambda file: file.write_text(file.read_text()[:50]), "cannot be read"),
    "one is no object": (2, lambda file: file.write_text("[]"), "no ledger entry"),
    "a later format": (2, change(format=9), "of format 9; this workbench reads 0 and 1. Upgrade it"),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_ledger_that_was_touched_is_refused(tmp_path: Path, touch: str) -> None:
    number, act, told = TOUCHES[touch]
    for _ in range(3):
        append(tmp_path, entry("refused"), read_ledger(tmp_path, "churn"))
    act(tmp_path / "models" / "churn" / "ledger" / f"00000{number}.json")
    with pytest.raises(BadArtifact, match=told):
        read_ledger(tmp_path, "churn")


def test_an_entry_of_another_model_does_not_fit(tmp_path: Path) -> None:
    append(tmp_path, entry(model="other"), [])
    (tmp_path / "models" / "other").rename(tmp_path / "models" / "churn")
    with pytest.raises(BadArtifact, match="does not follow"):
        read_ledger(tmp_path, "churn")


@pytest.mark.parametrize("name", ["", "Churn", "../up", "a/b", "a b", ".hidden", "x" * 65])
def test_a_name_no_model_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadReference, match="no name for a model"):
        read_ledger(tmp_path, name)


def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        append(tmp_path, entry(), [])


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("churn", 1),
        ("model:churn", 1),
        ("model:churn/live", 1),
        ("model:churn/20261121T10", 0),
        ("churn/1f3ac", 0),
        (f"model:churn/{VERSIONS[1]}", 1),
    ],
)
def test_a_bundle_is_found_by_what_people_type(tmp_path: Path, reference: str, found: int) -> None:
    folders = [promoted(tmp_path, version) for version in VERSIONS]
    assert find_bundle(tmp_path, reference) == folders[found]


@pytest.mark.parametrize(
    ("reference", "kind", "told"),
    [
        ("model:chrun/live", UnknownName, "Did you mean 'churn'"),
        ("model:churn/2027", BadReference, "names none of"),
        ("model:churn/1f3", BadReference, "names 2 of"),
        ("model:tried/live", BadReference, "nothing is live"),
        ("model:../churn/live", UnknownName, "no model"),
    ],
)
def test_a_reference_to_no_bundle_says_what_there_is(
    tmp_path: Path, reference: str, kind: type[Exception], told: str
) -> None:
    for version in VERSIONS:
        promoted(tmp_path, version)
    append(tmp_path, entry("refused", model="tried"), [])
    with pytest.raises(kind, match=told):
        find_bundle(tmp_path, reference)


def test_a_bundle_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    folders = [promoted(tmp_path, version) for version in VERSIONS]
    (folders[1] / "manifest.json").write_bytes((folders[0] / "manifest.json").read_bytes())
    with pytest.raises(BadArtifact, match="not the bundle that entry 2"):
        find_bundle(tmp_path, "churn")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: (f / "model.txt").write_text("x"), "model.txt was changed"),
        (lambda f: (f / "model.txt").unlink(), "model.txt is missing"),
        (lambda f: (f / "more.txt").touch(), "more.txt is extra"),
        (lambda f: (f / "manifest.json").unlink(), "no manifest.json"),
        (lambda f: change(author="eve")(f / "manifest.json"), "was changed after"),
    ],
)
def test_a_changed_bundle_is_refused(tmp_path: Path, harm: Callable[[Path], object], told: str) -> None:
    folder = promoted(tmp_path, VERSIONS[0])
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "model.pyc").touch()
    assert verify_bundle(folder)["files"][0]["name"] == "model.txt"
    harm(folder)
    with pytest.raises(BadArtifact, match=told):
        verify_bundle(folder)
