"""An import from a stranger: whatever the zip holds, the store is afterwards what it was, to the byte.

Every archive is made here, from a whole experiment, by the function that is named in the test. The attacks are numbered
as in our list of bad inputs: 48 names, 49 links, 50 what is no file, 51 duplicates, 52 names that are one elsewhere,
53 bombs, 54 truncation, 55 bits, 56 manifests, 57 and 58 models, 59 pages and texts, 60 formats, 61 two at once, a full
disk, a kill (`test_faults`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.documents.experiment import seal, write_manifest
from workbench.errors import BadArtifact
from workbench.experiment import (
    Experiment,
    Store,
    export,
    export_batch,
    import_,
    import_batch,
    objects,
    resolve,
    verify,
)
from workbench.experiment.names import clashes, problem_with
from workbench.experiment.sharing.archive import MOST_FILES

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, keep_in) -> Path:
    """A whole experiment in a zip; a store with another one lies beside it."""
    folder = tmp_path_factory.mktemp("whole")
    keep_in(Store(folder / "victim").create(), 2, name="other")
    return export(keep_in(Store(folder / "store").create(), 1), folder / "churn.zip")


@pytest.fixture
def victim(whole, tmp_path) -> Store:
    """A store that holds another experiment."""
    shutil.copytree(whole.parent / "victim", tmp_path / "store")
    return Store(tmp_path / "store")


def files_of(archive: Path) -> Files:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def sealed(files: Files, **changes: object) -> Files:
    """The files with a manifest that names just them: what a forger with our source code would send."""
    manifest = {**json.loads(files["manifest.json"]), **changes}
    manifest["files"] = [
        {"name": name, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}
        for name, content in files.items()
        if name != "manifest.json"
    ]
    manifest["digest"] = seal(manifest)
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def packed(path: Path, files: Files, more: tuple[tuple[zipfile.ZipInfo | str, bytes], ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in (*files.items(), *more):
            out.writestr(name, content)
    return path


def special(name: str, kind: int, content: bytes = b"") -> tuple[zipfile.ZipInfo, bytes]:
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, kind << 16
    return member, content


NAMES = [
    "../evil.txt",
    "/tmp/evil.txt",
    "//evil.txt",
    "C:\\evil.txt",
    "C:evil.txt",
    "outputs/D:evil.txt",
    "..\\evil.txt",
    "a\\..\\..\\evil.txt",
    "a/../../evil.txt",
    "a/./evil.txt",
    "a//evil.txt",
    "~/evil.txt",
    "%2e%2e/evil.txt",
    "%2e%2e%2fevil.txt",
    "%252e%252e%252fevil.txt",
    "%2Fetc/evil.txt",
    "..%5cevil.txt",
    "evil.txt.",
    "evil ",
    "a /evil.txt",
    "line\nbreak",
    "bell\x07",
    "x" * 256,
    "é" * 200,
    "/".join(["d" * 200] * 6),
    ".",
    "..",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(name, whole, victim, tmp_path, snapshot):
    files = sealed({**files_of(whole), name: b"evil"})
    refused(packed(tmp_path / "attack.zip", files), victim, snapshot, "its name|a part of its name")


def symlink_out(files: Files, path: Path) -> Path:
    return packed(path, files, (special("passwd", stat.S_IFLNK | 0o777, b"/etc/passwd"),))


def file_through_a_symlink(files: Files, path: Path) -> Path:
    link = special("way", stat.S_IFLNK | 0o777, b"/tmp")
    return packed(path, sealed({**files, "way/evil.txt": b"evil"}), (link,))


def pipe(files: Files, path: Path) -> Path:
    return packed(path, files, (special("pipe", stat.S_IFIFO | 0o644),))


def device(files: Files, path: Path) -> Path:
    return packed(path, files, (special("null", stat.S_IFCHR | 0o644),))


def setuid(files: Files, path: Path) -> Path:
    return packed(path, files, (special("run", stat.S_IFREG | 0o4755, b"#!/bin/sh\n"),))


def folder_with_content(files: Files, path: Path) -> Path:
    return packed(path, files, (("evil/", b"evil"),))


def same_name_twice(files: Files, path: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return packed(path, files, (("scores.json", b"{}"),))


def same_name_in_other_case(files: Files, path: Path) -> Path:
    return packed(path, sealed({**files, "SCORES.json": b"{}"}))


def same_name_in_other_normal_form(files: Files, path: Path) -> Path:
    return packed(path, sealed({**files, "outputs/\u00e9": b"1", "outputs/e\u0301": b"2"}))


def file_that_is_a_folder_too(files: Files, path: Path) -> Path:
    return packed(path, sealed({**files, "outputs": b"1", "outputs/a": b"2"}))


def two_manifests(files: Files, path: Path) -> Path:
    return packed(path, sealed({**files, "Manifest.json": files["manifest.json"]}))


def encrypted(files: Files, path: Path) -> Path:
    return with_header_changed(packed(path, files), b"PK\1\2", 8, struct.pack("<H", 1))


def unknown_compression(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return path


def local_name_differs(files: Files, path: Path) -> Path:
    content = packed(path, files).read_bytes()
    path.write_bytes(content.replace(b"scores.json", b"scores.evil", 1))
    return path


def name_ends_early(files: Files, path: Path) -> Path:
    content = packed(path, sealed({**files, "fine.txt_../evil": b"1"})).read_bytes()
    path.write_bytes(content.replace(b"fine.txt_../evil", b"fine.txt\0../evil"))
    return path


def more_than_declared(files: Files, path: Path) -> Path:
    """The directory declares ten bytes of a file that unpacks to a megabyte."""
    packed(path, {"zeros": b"\0" * 2**20, **sealed({**files, "zeros": b"\0" * 10})} | {"zeros": b"\0" * 2**20})
    return with_header_changed(path, b"PK\1\2", 24, struct.pack("<L", 10))


def less_than_declared(files: Files, path: Path) -> Path:
    packed(path, {"zeros": b"\0" * 10, **files})
    return with_header_changed(path, b"PK\1\2", 24, struct.pack("<L", 1000))


def more_than_all_may_be(files: Files, path: Path) -> Path:
    packed(path, files)
    return with_header_changed(path, b"PK\1\2", 24, struct.pack("<L", 0xFFFFFFF0))


def bomb(files: Files, path: Path) -> Path:
    zeros = b"\0" * 2**20
    digest = hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        with out.open("outputs/zeros", "w") as member:
            for _ in range(200):
                member.write(zeros)
                digest.update(zeros)
        for name, content in files.items():
            out.writestr(name, content)
    return path


def overlapping(files: Files, path: Path) -> Path:
    """Two entries of the directory that share one file's bytes, as in David Fifield's zip bombs."""
    content = packed(path, files).read_bytes()
    directory = content.index(b"PK\1\2")
    second = content.index(b"PK\1\2", directory + 4)
    offset = content[directory + 42 : directory + 46]
    path.write_bytes(content[: second + 42] + offset + content[second + 46 :])
    return path


def many_files(files: Files, path: Path) -> Path:
    return packed(path, {**files, **{f"outputs/{number}": b"" for number in range(MOST_FILES + 1)}})


def endless_directory(files: Files, path: Path) -> Path:
    packed(path, files)
    return with_header_changed(path, b"PK\5\6", 12, struct.pack("<L", 0xFFFFFFFF))


def no_manifest(files: Files, path: Path) -> Path:
    return packed(path, {name: content for name, content in files.items() if name != "manifest.json"})


def extra_file(files: Files, path: Path) -> Path:
    return packed(path, {**files, "extra.py": b"import os"})


def missing_file(files: Files, path: Path) -> Path:
    return packed(path, {name: content for name, content in files.items() if name != "scores.json"})


def changed_file(files: Files, path: Path) -> Path:
    return packed(path, {**files, "scores.json": files["scores.json"].replace(b"0.9", b"0.8", 1)})


def changed_manifest(files: Files, path: Path) -> Path:
    return packed(path, {**files, "manifest.json": files["manifest.json"].replace(b'"ada"', b'"eve"', 1)})


def other_digest(files: Files, path: Path) -> Path:
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        entry["digest"] = "md5:" + "0" * 32
    manifest["digest"] = seal(manifest)
    return packed(path, {**files, "manifest.json": json.dumps(manifest).encode()})


def reference_that_leads_elsewhere(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, ref="../../evil@20261121T183000Z-1f3ac09e"))


def later_format(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, format=99))


def deep_manifest(files: Files, path: Path) -> Path:
    return packed(path, {**files, "manifest.json": b"[" * 1_000_000})


def manifest_of_other_kind(files: Files, path: Path) -> Path:
    return packed(path, {**files, "manifest.json": b'"manifest"'})


def manifest_with_a_huge_number(files: Files, path: Path) -> Path:
    return packed(path, {**files, "manifest.json": b'{"format": ' + b"9" * 10_000 + b"}"})


def empty(files: Files, path: Path) -> Path:
    return packed(path, {})


def nothing(files: Files, path: Path) -> Path:
    path.write_bytes(b"")
    return path


def text(files: Files, path: Path) -> Path:
    path.write_text("PK, but not a zip")
    return path


def no_file(files: Files, path: Path) -> Path:
    return path


def folder(files: Files, path: Path) -> Path:
    path.mkdir()
    return path


def named_pipe(files: Files, path: Path) -> Path:
    os.mkfifo(path)
    return path


def tar_with_hard_links(files: Files, path: Path) -> Path:
    """Group 49: a hard link out of the folder, and one to a symbolic link, which only a tar can hold."""
    with tarfile.open(path, "w") as packed:
        for name, kind, target in (
            ("passwd", tarfile.LNKTYPE, "/etc/passwd"),
            ("way", tarfile.SYMTYPE, "/tmp"),
            ("evil", tarfile.LNKTYPE, "way"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            packed.addfile(member)
    return path


def zip_in_a_zip(files: Files, path: Path) -> Path:
    """Group 53: as in 42.zip, each layer packs the next; only the first is opened here, and it is no experiment."""
    layer = b"\0" * 2**24
    for _ in range(4):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for number in range(4):
                packed.writestr(f"{number}.zip", layer)
        layer = buffer.getvalue()
    path.write_bytes(layer)
    return path


def earlier_format(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, format=-1))


def deep_labels(files: Files, path: Path) -> Path:
    deep: object = "x"
    for _ in range(200):
        deep = [deep]
    return packed(path, sealed(files, labels={"a": deep}))


def endless_score(files: Files, path: Path) -> Path:
    manifest = files["manifest.json"].replace(b'"value": 0.', b'"value": 1e999, "was": 0.', 1)
    return packed(path, {**files, "manifest.json": manifest})


def score_that_is_no_number(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, scores={"roc_auc": {"value": float("nan")}}))


def labels_that_are_lists(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, labels={"farm": ["<script>"]}))


def parents_that_are_no_references(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, parents=[{"a": 1}]))


def time_that_is_a_text(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, resources={"wall": "long"}))


def rows_that_are_a_text(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, data={"digest": None, "rows": "many"}))


def object_by_a_path(files: Files, path: Path) -> Path:
    entry = {"role": "data", "name": "../../evil.csv", "digest": f"sha256:{'0' * 64}", "size": 1}
    return packed(path, sealed(files, objects=[entry]))


def object_of_another_digest(files: Files, path: Path) -> Path:
    entry = {"role": "data", "name": "t.csv", "digest": "md5:" + "0" * 32, "size": 1}
    return packed(path, sealed(files, objects=[entry]))


def object_without_a_role(files: Files, path: Path) -> Path:
    return packed(path, sealed(files, objects=[{"name": "t.csv", "digest": f"sha256:{'0' * 64}", "size": 1}]))


def with_header_changed(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Overwrite a field of the first header of a kind."""
    content = path.read_bytes()
    at = content.index(signature) + offset
    path.write_bytes(content[:at] + value + content[at + len(value) :])
    return path


ATTACKS: list[tuple[Callable[[Files, Path], Path], str]] = [
    (symlink_out, "'passwd': it is not a regular file"),
    (file_through_a_symlink, "'way': it is not a regular file"),
    (pipe, "'pipe': it is not a regular file"),
    (device, "'null': it is not a regular file"),
    (setuid, "'run': it is not a regular file with plain permissions"),
    (folder_with_content, "it is a folder with content"),
    (same_name_twice, "holds 'scores.json' twice"),
    (same_name_in_other_case, "holds 'SCORES.json' twice"),
    (same_name_in_other_normal_form, "twice"),
    (file_that_is_a_folder_too, "once as a file and once as a folder"),
    (two_manifests, "holds 'Manifest.json' twice"),
    (encrypted, "it is encrypted"),
    (unknown_compression, "it is compressed in a way that is not read here"),
    (local_name_differs, "is damaged"),
    (name_ends_early, "its name is written in two ways"),
    (more_than_declared, "is damaged|is not what was exported"),
    (less_than_declared, "is damaged|holds less in 'zeros' than it declares"),
    (more_than_all_may_be, "would unpack to more than"),
    (bomb, "would unpack to more than"),
    (overlapping, "holds files that overlap"),
    (many_files, "lists more than 20,000 files"),
    (endless_directory, "lists more than 20,000 files"),
    (no_manifest, r"has no manifest\.json"),
    (extra_file, r"is not what was exported: extra\.py is extra"),
    (missing_file, r"is not what was exported: scores\.json is missing"),
    (changed_file, r"is not what was exported: scores\.json was changed"),
    (changed_manifest, r"is not what was exported: manifest\.json was changed"),
    (other_digest, "files holds something that is not"),
    (reference_that_leads_elsewhere, "is not a name and a version"),
    (later_format, "of format 99"),
    (deep_manifest, r"has a damaged manifest\.json"),
    (manifest_of_other_kind, "that is no JSON object"),
    (manifest_with_a_huge_number, r"has a damaged manifest\.json"),
    (empty, r"has no manifest\.json"),
    (nothing, "is not a zip file, or was cut short"),
    (text, "is not a zip file, or was cut short"),
    (no_file, "does not exist"),
    (folder, "is not a file"),
    (named_pipe, "is not a file"),
    (tar_with_hard_links, "is not a zip file, or was cut short"),
    (zip_in_a_zip, r"has no manifest\.json|would unpack to more than"),
    (earlier_format, "of format -1"),
    (deep_labels, "nested as none is"),
    (endless_score, r"has a damaged manifest\.json \(1e999 is no number of JSON\)"),
    (score_that_is_no_number, r"has a damaged manifest\.json \(NaN is no number of JSON\)"),
    (labels_that_are_lists, "labels holds what it cannot"),
    (parents_that_are_no_references, "parents holds what it cannot"),
    (time_that_is_a_text, "resources holds what it cannot"),
    (rows_that_are_a_text, "data holds what it cannot"),
    (object_by_a_path, "objects holds something that is not"),
    (object_of_another_digest, "objects holds something that is not"),
    (object_without_a_role, "objects holds something that is not"),
]


@pytest.mark.parametrize(("attack", "said"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_an_archive_that_is_no_whole_experiment_is_refused(attack, said, whole, victim, tmp_path, snapshot):
    refused(attack(files_of(whole), tmp_path / "attack.zip"), victim, snapshot, said)


def refused(archive: Path, store: Store, snapshot: Callable[[Path], dict[str, str]], said: str) -> None:
    before = snapshot(store.path.parent)
    for act in (lambda: import_(archive, store), lambda: import_(archive, Store(store.path.parent / "new"))):
        with pytest.raises(BadArtifact, match=said) as error:
            act()
        assert "\n" not in str(error.value)
    assert snapshot(store.path.parent) == before  # nor is a store made for nothing


def test_an_archive_cut_short_anywhere_is_refused(whole, victim, tmp_path, snapshot):
    content = whole.read_bytes()
    before = snapshot(victim.path)
    for tenth in range(10):
        (tmp_path / "cut.zip").write_bytes(content[: len(content) * tenth // 10])
        with pytest.raises(BadArtifact):
            import_(tmp_path / "cut.zip", victim)
    assert snapshot(victim.path) == before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_archive_with_one_bit_changed_is_refused_or_gives_the_very_same_experiment(whole, tmp_path, data):
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    archive, store = tmp_path / "flipped.zip", Store(Path(tempfile.mkdtemp(dir=tmp_path)) / "store")
    archive.write_bytes(content)
    try:
        done = import_(archive, store)
    except BadArtifact:
        assert not store.path.exists()
    else:  # a field that nobody reads: a date, a version
        assert verify(done.experiment) == []
        assert files_of(whole) == {
            path.relative_to(done.experiment.path).as_posix(): path.read_bytes()
            for path in done.experiment.path.rglob("*")
            if path.is_file()
        }


def test_one_bit_changed_in_any_file_of_a_folder_shows(whole, tmp_path):
    kept = import_(whole, Store(tmp_path / "store")).experiment
    for path in sorted(path for path in kept.path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        assert verify(kept) != [], path
        path.write_bytes(content)
    assert verify(kept) == []


def test_an_import_killed_half_way_leaves_no_half_experiment(whole, victim, snapshot):
    before = snapshot(victim.experiments)
    script = (
        "import os, sys; from pathlib import Path; import workbench.experiment.sharing.share as share;"
        "share.put_in_place = lambda *_: os.kill(os.getpid(), 9);"
        "from workbench.experiment import Store; share.import_(Path(sys.argv[1]), Store(Path(sys.argv[2])))"
    )
    done = subprocess.run([sys.executable, "-c", script, whole, victim.path], check=False)
    assert done.returncode == -9
    assert snapshot(victim.experiments) == before
    assert import_(whole, victim).new


def test_a_disk_that_fills_up_during_an_import_leaves_the_store_as_it_was(whole, victim, snapshot, monkeypatch):
    from workbench.errors import StoreError
    from workbench.experiment.sharing.archive import Archive

    def full(*_):
        raise OSError(28, "No space left on device")

    before = snapshot(victim.path)
    monkeypatch.setattr(Archive, "extract", full)
    with pytest.raises(StoreError, match="No space left on device"):
        import_(whole, victim)
    assert snapshot(victim.path) == before


def test_nothing_of_an_experiment_is_unpickled_or_run(whole, victim, tmp_path):
    tripwire = tmp_path / "tripped"
    pickled = b"cos\nsystem\n(S'touch " + str(tripwire).encode() + b"'\ntR."
    code = f"open({str(tripwire)!r}, 'w')".encode()
    evil = {"model/model.skops": pickled, "model/model.pkl": pickled, "model/__init__.py": code, "conftest.py": code}
    done = import_(packed(tmp_path / "evil.zip", sealed({**files_of(whole), **evil})), victim).experiment
    done.scores(), done.parameters(), done.checks(), done.task(), done.predictions(), done.leaderboard()
    assert verify(resolve("churn", victim)) == []
    assert not tripwire.exists()


def test_folders_and_plain_permissions_are_all_that_is_made(whole, victim, tmp_path):
    with_folders = packed(tmp_path / "folders.zip", files_of(whole), (("outputs/", b""), ("data/", b"")))
    done = import_(with_folders, victim).experiment
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o7111 for path in done.path.rglob("*") if path.is_file()}
    assert modes == {0}
    assert verify(done) == []


@given(st.text(min_size=1, max_size=40))
def test_a_name_that_is_let_through_stays_below_its_folder(name):
    if problem_with(name) is None:
        place = Path(os.path.normpath(Path("/folder") / name))
        assert place.is_relative_to("/folder")
        assert place != Path("/folder")


@given(st.lists(st.sampled_from(["a", "A", "a/b", "A/B", "é", "e\u0301", "c/d/e", "c/d", "ﬁ", "fi"]), max_size=6))
def test_names_without_a_clash_are_apart_even_where_case_and_form_do_not_count(names):
    clashing = clashes(names)
    kept = [name for name in names if name not in clashing] if len(set(names)) == len(names) else []
    assert len({name.casefold() for name in kept}) == len(kept)


def test_a_zip_that_is_only_being_read_is_not_left_unpacked(whole, victim, tmp_path):
    content = io.BytesIO(whole.read_bytes())
    (tmp_path / "copy.zip").write_bytes(content.getvalue())
    script = (
        "import sys; from pathlib import Path; from workbench.experiment import Store, resolve;"
        "print(resolve(sys.argv[1], Store(Path('nowhere'))).path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "copy.zip"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert not Path(done.stdout.strip()).exists()


def test_one_bit_changed_in_any_file_is_refused_and_the_file_is_named(whole, victim, tmp_path, snapshot):
    """Group 55; a bit of the archive itself is changed above."""
    before, files = snapshot(victim.path), files_of(whole)
    for name, content in files.items():
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        with pytest.raises(BadArtifact, match=f"{re.escape(name)} was changed|has a (damaged )?manifest|was changed"):
            import_(packed(tmp_path / "flipped.zip", {**files, name: changed}), victim)
    assert snapshot(victim.path) == before


@pytest.fixture(scope="module")
def whole_batch(tmp_path_factory, keep_in) -> Path:
    """A batch of two runs in a zip."""
    folder = tmp_path_factory.mktemp("batch")
    store = Store(folder / "store").create()
    one, two, batch = (keep_in(store, number, name=name) for number, name in ((1, "a"), (2, "b"), (3, "farms")))
    children = [str(one.reference), str(two.reference)]
    manifest = write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": children})
    return export_batch(Experiment(batch.reference, batch.path, manifest), [one, two], folder / "farms.zip")


def with_run(files: Files, change: Callable[[Files], Files]) -> Files:
    """The files of a batch with those of its first run changed, and packed again."""
    name = min(name for name in files if name.startswith("runs/"))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as out:
        with zipfile.ZipFile(io.BytesIO(files[name])) as packed_run:
            ours = {one: packed_run.read(one) for one in packed_run.namelist()}
        for one, content in change(ours).items():
            out.writestr(one, content)
    return {**files, name: changed.getvalue()}


def with_batch(files: Files, **changes: object) -> Files:
    runs = {name: content for name, content in files.items() if name.startswith("runs/")}
    return {**sealed({name: content for name, content in files.items() if name not in runs}, **changes), **runs}


def first_run(files: Files) -> str:
    return min(name for name in files if name.startswith("runs/"))


BATCH_ATTACKS: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a run that leads elsewhere": (lambda f: with_run(f, lambda r: sealed({**r, "../evil": b""})), "its name"),
    "a run with a file more": (lambda f: with_run(f, lambda r: {**r, "x.py": b""}), r"x\.py is extra"),
    "a run with a changed file": (lambda f: with_run(f, lambda r: {**r, "task.json": b"{}"}), r"task\.json was"),
    "a run cut short": (lambda f: {**f, first_run(f): f[first_run(f)][:500]}, "is not a zip file"),
    "a run that is no zip": (lambda f: {**f, first_run(f): b"text"}, "is not a zip file"),
    "a run that is a bomb": (lambda f: with_run(f, lambda r: {**r, "zeros": b"\0" * 2**27}), "would unpack to more"),
    "runs that are bombs together": (
        lambda f: {**f, **dict.fromkeys((f"runs/{n}.zip" for n in range(3)), zeros_in_a_zip(40 * 2**20))},
        "holds runs that would unpack to more than",
    ),
    "a run that nobody named": (lambda f: {**f, "runs/x@20261121T000001Z-00000001.zip": f[first_run(f)]}, "says other"),
    "a run that is missing": (lambda f: {name: c for name, c in f.items() if name != first_run(f)}, "holds no run"),
    "a run under another's name": (
        lambda f: {**f, first_run(f): f[max(name for name in f if name.startswith("runs/"))]},
        "under the name",
    ),
    "children that are no references": (lambda f: with_batch(f, children=["../../evil"]), "says otherwise"),
    "children that are no list": (lambda f: with_batch(f, children={"a": 1}), "says otherwise|holds a run"),
    "a batch with another digest": (lambda f: {**f, "scores.json": b"{}"}, r"scores\.json was"),
}


def zeros_in_a_zip(size: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("manifest.json", b"\0" * size)
    return content.getvalue()


@pytest.mark.parametrize("attack", BATCH_ATTACKS)
def test_a_batch_of_which_anything_is_not_whole_is_refused(attack, whole_batch, victim, tmp_path, snapshot):
    change, said = BATCH_ATTACKS[attack]
    archive = packed(tmp_path / "attack.zip", change(files_of(whole_batch)))
    before = snapshot(victim.path.parent)
    for store in (victim, Store(victim.path.parent / "new")):
        with pytest.raises(BadArtifact, match=said) as error:
            import_batch(archive, store)
        assert "\n" not in str(error.value)
    assert snapshot(victim.path.parent) == before  # nor is a store made for nothing


def test_a_run_at_odds_with_the_store_keeps_its_whole_batch_out(whole_batch, tmp_path, snapshot):
    store = Store(tmp_path / "store")
    name = first_run(files_of(whole_batch))
    (tmp_path / "run.zip").write_bytes(files_of(whole_batch)[name])
    import_(packed(tmp_path / "other.zip", sealed(files_of(tmp_path / "run.zip"), author="eve")), store)
    before = snapshot(store.path)
    with pytest.raises(BadArtifact, match="the store holds another experiment of that name"):
        import_batch(whole_batch, store)
    assert snapshot(store.path) == before


TABLE = b"tenure,Churn\n1,Yes\n"
MEMBER = f"objects/sha256/{hashlib.sha256(TABLE).hexdigest()}"
OTHER = f"objects/sha256/{hashlib.sha256(b'other').hexdigest()}"


@pytest.fixture(scope="module")
def with_table(tmp_path_factory, keep_in) -> Path:
    """An experiment in a zip, together with its table."""
    folder = tmp_path_factory.mktemp("table")
    store = Store(folder / "store").create()
    entry = {"role": "data", "name": "customers.csv", **objects.keep_bytes(store, TABLE)}
    return export(keep_in(store, 5, objects=[entry]), folder / "churn.zip")


OBJECT_ATTACKS: dict[str, tuple[Callable[[Files], Files], str]] = {
    "of other content": (lambda f: {**f, MEMBER: b"other rows"}, f"{MEMBER} was c"),
    "of other content and the same size": (lambda f: {**f, MEMBER: TABLE.replace(b"Yes", b"No!")}, f"{MEMBER} was c"),
    "that nobody names": (lambda f: {**f, OTHER: b"other"}, f"{OTHER} is extra"),
    "by a name that is no digest": (lambda f: {**f, "objects/sha256/evil": b""}, "objects/sha256/evil is extra"),
    "of another kind of digest": (lambda f: {**f, "objects/md5/evil": b""}, "objects/md5/evil is extra"),
    "by its name in capitals": (lambda f: {**f, MEMBER.upper(): TABLE}, "twice"),
    "as a file of the experiment": (lambda f: sealed({**f, "objects/evil": b""}), "is extra|is missing|was changed"),
    "that leads elsewhere": (lambda f: {**f, "objects/sha256/../../evil": b""}, "its name"),
}


@pytest.mark.parametrize("attack", OBJECT_ATTACKS)
def test_an_object_that_is_not_what_its_name_says_or_that_nobody_names_is_refused(
    attack, with_table, victim, tmp_path, snapshot
):
    objects.keep_bytes(victim, b"rows of my own")
    change, said = OBJECT_ATTACKS[attack]
    refused(packed(tmp_path / "attack.zip", change(files_of(with_table))), victim, snapshot, said)


def test_an_object_that_is_here_is_not_replaced_and_one_that_is_missing_is_no_failure(with_table, victim, tmp_path):
    files = files_of(with_table)
    place = objects.place(victim, objects.keep_bytes(victim, TABLE)["digest"])
    written = place.stat().st_ino
    done = import_(with_table, victim).experiment
    assert (place.stat().st_ino, place.read_bytes()) == (written, TABLE)
    assert verify(done) == []
    alone = Store(tmp_path / "alone")
    import_(packed(tmp_path / "alone.zip", {name: files[name] for name in files if name != MEMBER}), alone)
    assert [entry["name"] for entry in objects.missing(alone, done.manifest)] == ["customers.csv"]
    assert import_(with_table, alone).new is False  # and its table comes later
    assert objects.missing(alone, done.manifest) == []
