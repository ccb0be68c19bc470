"""References: what people type, and the one experiment it stands for."""

from __future__ import annotations

import shutil

import pytest

from workbench.documents.experiment import write_manifest
from workbench.errors import BadArtifact, BadReference
from workbench.experiment import Store, export, resolve

FIRST, SECOND, THIRD = (
    f"20261121T0000{second}Z-{hex_}" for second, hex_ in (("01", "1f3ac09e"), ("02", "1f77b0aa"), ("03", "2026aaaa"))
)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("references") / "store").create()


@pytest.fixture(scope="module")
def filled(store, keep_in) -> Store:
    for number, version in enumerate((FIRST, SECOND, THIRD), 1):
        keep_in(store, number, version=version)
    keep_in(store, 4, name="titanic.survived", version=THIRD)
    return store


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("churn", THIRD),
        (" churn ", THIRD),
        ("Churn", THIRD),
        ("churn@", THIRD),
        ("churn@1f3", FIRST),
        ("churn@1F77", SECOND),
        ("churn@1f3ac09e", FIRST),
        ("churn@20261121T000002", SECOND),
        ("churn@20261121t000002z-1F", SECOND),
        (f"churn@{FIRST}", FIRST),
        ("churn@2026a", THIRD),
    ],
)
def test_a_reference_finds_its_experiment(filled, text, version):
    assert str(resolve(text, filled).reference) == f"churn@{version}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("churn@1f", rf"'churn@1f' matches 2 experiments. Give more of it: churn@{SECOND}, churn@{FIRST}."),
        ("churn@2026", f"matches 3 experiments. Give more of it: churn@{THIRD}, churn@{SECOND}, churn@{FIRST}."),
        ("churn@ffff", f"matches none of the 3 experiments. There are: churn@{THIRD}, churn@{SECOND}, churn@{FIRST}."),
        ("chrun", "matches no experiment. Did you mean 'churn'? The store holds: churn, titanic.survived."),
        ("nothing", "matches no experiment. The store holds: churn, titanic.survived."),
        ("model:churn/live", "names a model, and an experiment is needed here."),
        ("missing.zip", "is no file or folder. Check the path."),
        ("./churn/1", "is no file or folder. Check the path."),
        ("../../etc/passwd\0", "is no file or folder. Check the path."),
        ("", "matches no experiment."),
        ("a" * 5000, "matches no experiment."),
        ("/" + "a" * 5000, "is no file or folder."),
    ],
)
def test_one_that_matches_none_or_several_says_what_there_is(filled, text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadReference) as error:
        resolve(text, filled)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_is_a_reference_wherever_it_lies(filled, tmp_path):
    shutil.copytree(filled.experiments / "churn" / FIRST, tmp_path / "from a colleague")
    kept = resolve(str(tmp_path / "from a colleague"), Store(tmp_path / "empty"))
    assert str(kept.reference) == f"churn@{FIRST}"
    assert kept.path == tmp_path / "from a colleague"


def test_a_folder_that_is_no_experiment_is_refused(filled, tmp_path):
    with pytest.raises(BadReference, match=r"is a folder without a manifest\.json"):
        resolve(str(tmp_path), filled)


def test_a_zip_is_a_reference(filled, tmp_path):
    original = resolve(f"churn@{FIRST}", filled)
    kept = resolve(str(export(original, tmp_path / "churn.zip")), Store(tmp_path / "empty"))
    assert kept.manifest == original.manifest
    assert len(kept.predictions()) == 120
    assert not (tmp_path / "empty").exists()


def test_a_file_that_is_no_zip_is_refused(filled, tmp_path):
    (tmp_path / "churn.zip").write_text("not a zip")
    with pytest.raises(BadArtifact, match="is not a zip file, or was cut short"):
        resolve(str(tmp_path / "churn.zip"), filled)


def test_an_empty_store_says_so(tmp_path):
    with pytest.raises(BadReference, match="holds no experiments"):
        resolve("churn", Store(tmp_path / "nowhere"))


def test_of_two_started_in_one_second_the_later_is_the_latest(tmp_path, keep_in):
    store = Store(tmp_path / "store").create()
    keep_in(store, 1, version="20261121T000001Z-aaaaaaaa", started="2026-11-21T00:00:01.700000+00:00")
    keep_in(store, 1, version="20261121T000001Z-ffffffff", started="2026-11-21T00:00:01.200000+00:00")
    assert resolve("churn", store).version == "20261121T000001Z-aaaaaaaa"


def test_what_was_made_again_is_not_the_latest_unless_there_is_nothing_else(tmp_path, keep_in):
    store = Store(tmp_path / "store").create()
    again = keep_in(store, 1, version="20261122T000001Z-ffffffff")
    write_manifest(again.path, again.manifest | {"kind": "reproduction"})
    assert resolve("churn", store).version == again.version
    first = keep_in(store, 2, version="20261121T000001Z-aaaaaaaa")
    assert resolve("churn", store).version == first.version
    assert resolve("churn@ffff", store).version == again.version
