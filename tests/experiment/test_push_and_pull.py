"""Experiments at a URL: what is there is whole or not there, and nothing travels twice."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from workbench.documents.experiment import seal, write_manifest
from workbench.errors import BadAddress, BadArtifact, BadReference, StoreError, WorkbenchError
from workbench.experiment import Experiment, Store, experiments, load, objects, resolve, verify
from workbench.experiment.sharing import patience
from workbench.experiment.sharing.folder import Folder, folder_at
from workbench.experiment.sharing.lookup import look_up
from workbench.experiment.sharing.pull import pull
from workbench.workflow import pull as pull_from
from workbench.workflow import push as push_to

TABLE, CHANGES = b"tenure,Churn\n1,Yes\n2,No\n", b"--- a/template.ipynb\n"


@pytest.fixture
def kept(keep, store) -> Experiment:
    """An experiment with a table and with changes of its repository."""
    one = keep(1, outputs={"my files/a b.csv": "1", "größe €.txt": "2", "empty.txt": ""})
    told = {"data": ("customers.csv", TABLE), "changes": ("changes.diff", CHANGES)}
    named = [{"role": role, "name": name, **objects.keep_bytes(store, text)} for role, (name, text) in told.items()]
    write_manifest(one.path, {**one.manifest, "objects": named})
    return load(one.path)


@pytest.fixture
def memory(request) -> Iterator[str]:
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    yield f"memory://{name}/team"
    system = fsspec.filesystem("memory")
    if system.exists(f"/{name}"):
        system.rm(f"/{name}", recursive=True)


@pytest.fixture(params=["memory", "file", "path"])
def url(request, tmp_path) -> str:
    places = {"memory": "memory", "file": f"file://{tmp_path}/team folder", "path": f"{tmp_path}/team folder"}
    return request.getfixturevalue("memory") if request.param == "memory" else places[request.param]


@pytest.fixture
def elsewhere(tmp_path) -> Store:
    return Store(tmp_path / "elsewhere")


@pytest.fixture
def no_pauses(monkeypatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))


@pytest.fixture
def puts(monkeypatch) -> list[str]:
    """The names of all files that are sent from now on."""
    sent: list[str] = []
    before = Folder.put

    def put(self, file, name, told):
        sent.append(name)
        return before(self, file, name, told)

    monkeypatch.setattr(Folder, "put", put)
    return sent


def place(experiment: Experiment) -> str:
    return f"experiments/{experiment.name}/{experiment.version}"


def write_there(url: str, name: str, content: bytes) -> None:
    with fsspec.open(f"{url}/{name}", "wb") as file:
        file.write(content)


def change_manifest(url: str, kept: Experiment, change: Callable[[dict], object]) -> None:
    """Forge the manifest at a URL, with a seal that fits."""
    document = json.loads(json.dumps(kept.manifest))
    change(document)
    document["digest"] = seal(document)
    write_there(url, f"{place(kept)}/manifest.json", json.dumps(document).encode())


def test_what_is_pushed_is_pulled_as_the_same_experiment(kept, url, elsewhere, snapshot):
    told = []
    pushed = push_to(kept.short, url, store=kept.path.parents[2])
    pulled = pull_from(url, "churn", store=elsewhere.path, heard=lambda done, total: told.append((done, total)))
    assert pushed.references == pulled.references == [kept.reference]
    assert pushed.absent == pulled.absent == ["changes.diff (changes)"]
    assert told[-1][0] == told[-1][1] == pulled.bytes
    found = resolve("churn", elsewhere)
    assert snapshot(found.path) == snapshot(kept.path)
    assert verify(found) == []
    assert objects.place(elsewhere, kept.manifest["objects"][0]["digest"]).read_bytes() == TABLE
    assert not objects.is_kept(elsewhere, kept.manifest["objects"][1])
    assert list(elsewhere.running.iterdir()) == []


def test_a_failed_run_travels_too(keep, store, memory, elsewhere):
    keep(2, status="failed", reason="no")
    push_to("churn", memory, store=store.path)
    pull_from(memory, "churn", store=elsewhere.path)
    assert resolve("churn", elsewhere).status == "failed"


def test_a_url_that_is_copied_down_is_a_store(kept, keep, store, memory, tmp_path):
    keep(3, name="farm")
    for ref in ("churn", "farm"):
        push_to(ref, memory, store=store.path)
    fsspec.filesystem("memory").get(memory.removeprefix("memory:/"), str(tmp_path / "copy"), recursive=True)
    copied = Store(tmp_path / "copy")
    assert [one.name for one in experiments(copied)] == ["farm", "churn"]
    assert [problem for one in experiments(copied) for problem in verify(one)] == []


def test_what_is_there_is_not_sent_again(kept, url, store, puts):
    first = push_to("churn", url, store=store.path)
    assert first.files == len(kept.manifest["files"]) + 2
    puts.clear()
    again = push_to("churn", url, store=store.path)
    assert (again.files, again.bytes, puts) == (0, 0, [])
    more = push_to("churn", url, store=store.path, with_changes=True)
    assert (more.files, more.absent) == (1 + url.startswith("memory"), [])  # its manifest again, after what it names


def test_a_table_that_two_experiments_share_is_sent_once(kept, keep, store, memory, puts):
    other = keep(4)
    write_manifest(other.path, {**other.manifest, "objects": kept.manifest["objects"][:1]})
    push_to(kept.short, memory, store=store.path)
    push_to(other.short, memory, store=store.path)
    assert len([name for name in puts if name.startswith("objects/")]) == 1


def test_the_manifest_is_sent_when_all_else_is_there(kept, store, memory, puts):
    push_to("churn", memory, store=store.path)
    assert puts[-1] == f"{place(kept)}/manifest.json"
    assert len(set(puts)) == len(puts) == len(kept.manifest["files"]) + 2


@pytest.mark.parametrize("after", [0, 1, 9, -2])
def test_a_push_that_was_broken_off_goes_on_with_what_is_missing(
    kept, store, memory, elsewhere, puts, monkeypatch, no_pauses, after
):
    whole = len(kept.manifest["files"]) + 2
    after %= whole
    put, left = Folder._put_whole, after

    def break_off(self, file, target, sent):
        nonlocal left
        if left == 0:
            raise ConnectionResetError
        left -= 1
        put(self, file, target, sent)

    with monkeypatch.context() as broken:
        broken.setattr(Folder, "_put_whole", break_off)
        with pytest.raises(BadAddress, match="its server broke the connection off"):
            push_to("churn", memory, store=store.path)
    with pytest.raises(WorkbenchError):
        pull_from(memory, "churn", store=elsewhere.path)
    assert not elsewhere.path.exists()
    puts.clear()
    push_to("churn", memory, store=store.path)
    assert len(puts) == whole - after
    pull_from(memory, "churn", store=elsewhere.path)
    assert verify(resolve("churn", elsewhere)) == []


def test_what_a_broken_push_left_is_compared_byte_by_byte(kept, store, memory, puts):
    name = f"{place(kept)}/model/model.skops"
    write_there(memory, name, b"x" * (kept.path / "model" / "model.skops").stat().st_size)
    write_there(memory, f"{place(kept)}/scores.json", (kept.path / "scores.json").read_bytes())
    push_to("churn", memory, store=store.path)
    assert name in puts
    assert f"{place(kept)}/scores.json" not in puts


def test_a_file_that_was_removed_there_is_sent_by_the_next_push(kept, store, memory, elsewhere, puts):
    push_to("churn", memory, store=store.path)
    system, path = fsspec.core.url_to_fs(f"{memory}/{place(kept)}/scores.json")
    system.rm_file(path)
    with pytest.raises(BadArtifact, match=r"scores\.json is missing"):
        pull_from(memory, "churn", store=elsewhere.path)
    puts.clear()
    push_to("churn", memory, store=store.path)
    assert puts == [f"{place(kept)}/{name}" for name in ("scores.json", "manifest.json")]


def test_another_experiment_under_the_same_reference_is_refused(kept, store, url, elsewhere, snapshot):
    push_to("churn", url, store=store.path)
    pull_from(url, "churn", store=elsewhere.path)
    before = snapshot(elsewhere.path)
    write_manifest(kept.path, {**kept.manifest, "author": "someone else"})
    with pytest.raises(BadArtifact, match="another experiment"):
        push_to("churn", url, store=store.path)
    with pytest.raises(BadArtifact, match="another experiment"):
        pull_from(url, "churn", store=store.path)
    assert snapshot(elsewhere.path) == before


def test_what_is_not_what_was_kept_is_not_pushed(kept, store, url):
    (kept.path / "scores.json").write_text("{}")
    with pytest.raises(BadArtifact, match=r"is not what was kept: scores\.json"):
        push_to("churn", url, store=store.path)
    assert folder_at(url).folders("experiments") == []


def test_a_run_under_way_is_not_pushed(run, store, url):
    run(3, status="running")
    with pytest.raises(BadReference):
        push_to("churn", url, store=store.path)


def test_pushes_of_the_same_at_once_all_end_well(kept, store, url, elsewhere):
    ends = in_threads(4, lambda _: push_to("churn", url, store=store.path))
    assert [end.references for end in ends] == [[kept.reference]] * 4
    pull_from(url, "churn", store=elsewhere.path)
    assert verify(resolve("churn", elsewhere)) == []
    if not url.startswith("memory"):
        assert list(Store(Path(url.removeprefix("file://"))).running.iterdir()) == []


def test_pulls_of_the_same_at_once_all_end_well(kept, store, memory, elsewhere):
    push_to("churn", memory, store=store.path)
    in_threads(6, lambda _: pull_from(memory, "churn", store=elsewhere.path))
    assert [verify(one) for one in experiments(elsewhere)] == [[]]
    assert list(elsewhere.running.iterdir()) == []


def in_threads(number: int, do: Callable[[int], object]) -> list:
    ends: list[object] = []

    def one(index: int) -> None:
        try:
            ends.append(do(index))
        except Exception as error:
            ends.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [end for end in ends if isinstance(end, Exception)] == []
    return ends


class Breaking:
    """A URL that breaks after so many files."""

    def __init__(self, folder: Folder, files: int) -> None:
        self.folder, self.left = folder, files
        self.read: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.folder, name)

    def chunks(self, name: str) -> Iterator[bytes]:
        if not name.endswith("/manifest.json"):
            if self.left == 0:
                raise BadAddress(self.told, "broke")
            self.left -= 1
            self.read.append(name)
        return self.folder.chunks(name)


@pytest.mark.parametrize("after", [0, 1, 9, -1])
def test_a_pull_that_was_broken_off_goes_on_with_what_is_missing(kept, store, memory, elsewhere, after):
    push_to("churn", memory, store=store.path)
    whole = len(kept.manifest["files"]) + 1
    broken = Breaking(folder_at(memory), after % whole)
    with pytest.raises(BadAddress, match="broke"):
        pull(broken, [kept.reference], elsewhere, lambda *_: None)
    assert experiments(elsewhere) == []
    assert not (elsewhere.path / "objects").exists()
    rest = Breaking(folder_at(memory), whole)
    moved = pull(rest, [kept.reference], elsewhere, lambda *_: None)
    assert len(rest.read) == moved.files - 1 == whole - after % whole
    assert not set(rest.read) & set(broken.read)
    assert verify(resolve("churn", elsewhere)) == []
    assert list(elsewhere.running.iterdir()) == []


def breaking_off(monkeypatch: pytest.MonkeyPatch, bytes_each: int) -> list[int]:
    """Let every connection break after so many bytes; gives where each began."""
    begun: list[int] = []
    before = Folder._chunks

    def chunks(self: Folder, path: str, start: int) -> Iterator[bytes]:
        begun.append(start)
        content = b"".join(before(self, path, start))
        yield content[:bytes_each]
        if len(content) > bytes_each:
            raise ConnectionResetError("the line went dead")

    monkeypatch.setattr(Folder, "_chunks", chunks)
    return begun


def test_a_pull_goes_on_however_often_it_breaks_as_long_as_something_comes(
    kept, store, memory, elsewhere, no_pauses, monkeypatch
):
    push_to("churn", memory, store=store.path)
    begun = breaking_off(monkeypatch, 600)
    pull_from(memory, "churn", store=elsewhere.path)
    assert max(begun) > 4 * 600
    assert verify(resolve("churn", elsewhere)) == []


def test_a_pull_that_brings_nothing_more_ends_after_a_few_tries(kept, store, memory, no_pauses, monkeypatch):
    push_to("churn", memory, store=store.path)
    begun = breaking_off(monkeypatch, 0)
    with pytest.raises(BadAddress, match="broke the connection off"):
        pull_from(memory, "churn", store=store.path.parent / "other")
    assert begun == [0, 0, 0]


def damage(store: Store, content: bytes) -> Path:
    """Change a kept object and leave its size."""
    place = objects.place(store, f"sha256:{hashlib.sha256(content).hexdigest()}")
    place.chmod(0o644)
    place.write_bytes(b"x" * len(content))
    return place


def test_a_damaged_object_that_cannot_be_written_anew_is_told(kept, store, memory, elsewhere, monkeypatch):
    push_to("churn", memory, store=store.path)
    pull_from(memory, "churn", store=elsewhere.path)
    damage(elsewhere, TABLE)

    def refuse(*_: object) -> None:
        raise StoreError(str(elsewhere.path), "cannot be written: Read-only file system")

    monkeypatch.setattr(objects, "keep_chunks", refuse)
    with pytest.raises(StoreError, match="Read-only file system"):
        pull_from(memory, "churn", store=elsewhere.path)


def test_a_damaged_table_is_not_sent_to_where_nobody_could_pull_it(kept, store, memory):
    damage(store, TABLE)
    with pytest.raises(BadArtifact, match=r"is not what was kept: customers\.csv \(the object .*\) was changed"):
        push_to("churn", memory, store=store.path)
    with pytest.raises(BadReference):
        look_up("churn", folder_at(memory))


def test_what_a_broken_pull_left_is_judged_again(kept, store, memory, elsewhere):
    push_to("churn", memory, store=store.path)
    whole = len(kept.manifest["files"]) + 1
    with pytest.raises(BadAddress):
        pull(Breaking(folder_at(memory), whole - 1), [kept.reference], elsewhere, lambda *_: None)
    [part] = elsewhere.running.glob(".pull-*/files")
    (part / "scores.json").write_bytes(b"x" * (part / "scores.json").stat().st_size)
    pull_from(memory, "churn", store=elsewhere.path)
    assert verify(resolve("churn", elsewhere)) == []


def test_a_damaged_file_there_is_named_and_nothing_is_taken_over(kept, store, url, elsewhere, keep, snapshot):
    push_to("churn", url, store=store.path)
    name = f"{place(kept)}/model/model.skops"
    write_there(url, name, b"x" * (kept.path / "model" / "model.skops").stat().st_size)
    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises(BadArtifact, match=r"model/model\.skops' is not what was pushed: it was changed"):
        pull_from(url, "churn", store=elsewhere.path)
    assert snapshot(elsewhere.path) == before


def test_a_damaged_table_there_is_named_and_nothing_is_taken_over(kept, store, memory, elsewhere, snapshot):
    push_to("churn", memory, store=store.path)
    mark = kept.manifest["objects"][0]["digest"].removeprefix("sha256:")
    write_there(memory, f"objects/sha256/{mark[:2]}/{mark}", b"x" * len(TABLE))
    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises(BadArtifact, match=f"{mark}' is not what was pushed"):
        pull_from(memory, "churn", store=elsewhere.path)
    assert snapshot(elsewhere.path) == before


def test_more_than_was_named_is_not_read(kept, store, memory, elsewhere, snapshot):
    push_to("churn", memory, store=store.path)
    read = 0

    class Endless(Breaking):
        def chunks(self, name: str) -> Iterator[bytes]:
            nonlocal read
            if not name.endswith("scores.json"):
                yield from self.folder.chunks(name)
                return
            while True:
                read += 1
                yield bytes(1000)

    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises(BadArtifact, match=r"scores\.json' is not what was pushed"):
        pull(Endless(folder_at(memory), 0), [kept.reference], elsewhere, lambda *_: None)
    assert read <= 1 + (kept.path / "scores.json").stat().st_size // 1000
    assert snapshot(elsewhere.path) == before


def name_file(name: str) -> Callable[[dict], object]:
    return lambda manifest: manifest["files"][0].update(name=name)


def test_files_that_lie_there_unnamed_are_not_loaded(kept, store, memory, elsewhere):
    push_to("churn", memory, store=store.path)
    write_there(memory, f"{place(kept)}/evil.py", b"import os")
    pull_from(memory, "churn", store=elsewhere.path)
    assert verify(resolve("churn", elsewhere)) == []


HOSTILE = {
    "above": name_file("../../evil"),
    "hidden above": name_file("a/%2e%2e/%2e%2e/evil"),
    "absolute": name_file("/etc/passwd"),
    "drive": name_file("C:evil"),
    "backslash": name_file("..\\evil"),
    "its own manifest": name_file("manifest.json"),
    "other case": lambda manifest: manifest["files"][0].update(name=manifest["files"][1]["name"].upper()),
    "a file in a file": lambda manifest: manifest["files"][0].update(name=manifest["files"][1]["name"] + "/x"),
    "twice": lambda manifest: manifest["files"].append(manifest["files"][0]),
    "huge": lambda manifest: manifest["files"][0].update(size=10**15),
    "less than none": lambda manifest: manifest["files"][0].update(size=-1),
    "no number": lambda manifest: manifest["files"][0].update(size="1"),
    "missing": lambda manifest: manifest["files"].append({**manifest["files"][0], "name": "none.txt"}),
    "other digest": lambda manifest: manifest["files"][0].update(digest="sha256:" + "0" * 64),
    "no digest": lambda manifest: manifest["files"][0].update(digest="md5:../../x"),
    "another reference": lambda manifest: manifest.update(ref="churn@20261121T000001Z-ffffffff"),
    "a reference above": lambda manifest: manifest.update(ref="../../evil@20261121T000001Z-ffffffff"),
    "an object above": lambda manifest: manifest["objects"][0].update(digest="sha256:../../../evil"),
    "an object's name": lambda manifest: manifest["objects"][0].update(name="../evil"),
    "a huge object": lambda manifest: manifest["objects"][0].update(size=10**18),
    "many files": lambda manifest: manifest["files"].extend(
        {**manifest["files"][0], "name": f"{number}"} for number in range(20_001)
    ),
    "a run above": lambda manifest: manifest.update(kind="batch", children=["../../churn@x"]),
    "format": lambda manifest: manifest.update(format=99),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_manifest_leaves_the_store_as_it_was(kept, store, memory, elsewhere, snapshot, tmp_path, change):
    push_to("churn", memory, store=store.path)
    change_manifest(memory, kept, change)
    elsewhere.create()
    before, beside = snapshot(elsewhere.path), set(tmp_path.iterdir())
    with pytest.raises((BadArtifact, StoreError)) as refused:
        pull_from(memory, "churn", store=elsewhere.path)
    assert len(str(refused.value).splitlines()) == 1
    assert snapshot(elsewhere.path) == before
    assert set(tmp_path.iterdir()) == beside


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"format": 0}'])
def test_a_broken_manifest_is_refused_in_one_line(kept, store, memory, elsewhere, content):
    push_to("churn", memory, store=store.path)
    write_there(memory, f"{place(kept)}/manifest.json", content)
    for move in (
        lambda: pull_from(memory, "churn", store=elsewhere.path),
        lambda: push_to("churn", memory, store=store.path),
    ):
        with pytest.raises(BadArtifact) as refused:
            move()
        assert len(str(refused.value).splitlines()) == 1
    assert not elsewhere.path.exists()


def test_a_manifest_without_its_seal_is_refused(kept, store, memory, elsewhere):
    push_to("churn", memory, store=store.path)
    text = (kept.path / "manifest.json").read_text().replace('"author": "ada"', '"author": "eve"')
    write_there(memory, f"{place(kept)}/manifest.json", text.encode())
    with pytest.raises(BadArtifact, match=r"manifest\.json was changed"):
        pull_from(memory, "churn", store=elsewhere.path)


def test_a_pipe_in_a_folder_is_not_waited_for(kept, store, tmp_path, elsewhere):
    team = tmp_path / "team"
    push_to("churn", str(team), store=store.path)
    file = team / place(kept) / "manifest.json"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(WorkbenchError):
        pull_from(str(team), "churn", store=elsewhere.path)
    assert not elsewhere.path.exists()


def test_a_batch_takes_its_runs_along(kept, keep, store, url, elsewhere):
    runs = [keep(number, name="farm") for number in (5, 6)]
    batch = keep(7, name="farms")
    refs = [str(run.reference) for run in runs]
    write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": refs})
    assert [str(ref) for ref in push_to("farms", url, store=store.path).references] == [*refs, str(batch.reference)]
    moved = pull_from(url, "farms", store=elsewhere.path)
    assert [str(ref) for ref in moved.references] == [*refs, str(batch.reference)]
    assert {str(one.reference) for one in experiments(elsewhere)} == {*refs, str(batch.reference)}
    assert [problem for one in experiments(elsewhere) for problem in verify(one)] == []


def test_a_table_that_the_runs_of_a_batch_share_is_loaded_once(keep, store, url, elsewhere):
    named = [{"role": "data", "name": "customers.csv", **objects.keep_bytes(store, TABLE)}]
    kept = [keep(number, objects=named) for number in (1, 2, 3)]
    children = [str(run.reference) for run in kept[:2]]
    write_manifest(kept[2].path, {**kept[2].manifest, "kind": "batch", "children": children})
    push_to("churn", url, store=store.path)
    moved = pull_from(url, "churn", store=elsewhere.path)
    assert moved.files == sum(len(one.manifest["files"]) + 1 for one in kept) + 1
    assert moved.absent == []
    assert objects.place(elsewhere, named[0]["digest"]).read_bytes() == TABLE


def test_of_a_batch_with_a_damaged_run_nothing_is_taken_over(keep, store, memory, elsewhere, snapshot):
    runs = [keep(number, name="farm") for number in (5, 6)]
    batch = keep(7, name="farms")
    refs = [str(run.reference) for run in runs]
    write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": refs})
    push_to("farms", memory, store=store.path)
    size = (runs[1].path / "scores.json").stat().st_size
    write_there(memory, f"{place(runs[1])}/scores.json", b"x" * size)
    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises(BadArtifact):
        pull_from(memory, "farms", store=elsewhere.path)
    assert snapshot(elsewhere.path) == before


def test_references_are_looked_up_there_as_in_a_store(keep, store, memory):
    kept = [keep(number) for number in (1, 2, 3)]
    for one in kept:
        push_to(str(one.reference), memory, store=store.path)
    folder = folder_at(memory)
    assert look_up("churn", folder) == [kept[2].reference]
    assert look_up(kept[0].short, folder) == [kept[0].reference]
    assert look_up("CHURN@" + kept[1].version, folder) == [kept[1].reference]
    with pytest.raises(BadReference, match="matches 3 experiments"):
        look_up("churn@2026", folder)
    with pytest.raises(BadReference, match="matches none of the 3 experiments"):
        look_up("churn@ffff", folder)
    with pytest.raises(BadReference, match=r"matches no experiment at memory://.*There are: churn\."):
        look_up("chrun", folder)
    with pytest.raises(BadReference, match="is not a name"):
        look_up("../churn", folder)
    system, path = fsspec.core.url_to_fs(f"{memory}/{place(kept[2])}/manifest.json")
    system.rm_file(path)
    assert look_up("churn", folder) == [kept[1].reference]
    with pytest.raises(BadAddress, match=r"has no manifest\.json. It was not pushed to its end"):
        look_up(kept[2].short, folder)


def test_what_was_made_again_is_not_the_latest_there_unless_there_is_nothing_else(keep, store, memory):
    first, again = keep(1), keep(2)
    write_manifest(again.path, {**again.manifest, "kind": "reproduction"})
    push_to(again.short, memory, store=store.path)
    assert look_up("churn", folder_at(memory)) == [again.reference]
    push_to(first.short, memory, store=store.path)
    assert look_up("churn", folder_at(memory)) == [first.reference]


def test_a_folder_whose_name_is_too_long_is_refused_in_one_line(kept, store, tmp_path):
    with pytest.raises(StoreError, match="File name too long"):
        push_to("churn", f"{tmp_path}/{'x' * 300}", store=store.path)


def test_what_fails_for_a_moment_is_tried_again(kept, store, memory, elsewhere, monkeypatch, no_pauses):
    system = fsspec.filesystem("memory")
    failing = {"put_file": 0, "find": 0}
    for name in failing:
        monkeypatch.setattr(system, name, _failing_twice(getattr(system, name), failing, name))
    push_to("churn", memory, store=store.path)
    failing["open"] = 0
    monkeypatch.setattr(system, "open", _failing_twice(system.open, failing, "open"))
    pull_from(memory, "churn", store=elsewhere.path)
    assert failing == {"put_file": 3, "find": 3, "open": 3}
    assert verify(resolve("churn", elsewhere)) == []


def _failing_twice(do, failing, name):
    def call(*args, **options):
        if failing[name] < 3:
            failing[name] += 1
        if failing[name] < 3:
            raise ConnectionResetError
        return do(*args, **options)

    return call


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense://host/x", r"is of an unknown kind \(nonsense://\)"),
        ("https://***@host/x", r"Give them again in place of \*\*\*"),
        ("gs://bucket/x", r'pip install "notebook-workbench\[gcs\]"'),
        ("abfs://bucket/x", r'pip install "notebook-workbench\[azure\]"'),
        ("sftp://me:hunter2@127.0.0.1:9/x", r'pip install "notebook-workbench\[sftp\]"|cannot be'),
        ("s3://bucket/x?token=hunter2", r'pip install "notebook-workbench\[s3\]"|cannot be'),
        ("/dev/null/x", "is or lies under a file, not a folder"),
    ],
)
def test_an_address_of_no_use_is_refused_in_one_line_without_its_password(
    kept, store, url, told, monkeypatch, no_pauses
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    if (url.startswith("gs") and _is_installed("gcsfs")) or (url.startswith("abfs") and _is_installed("adlfs")):
        pytest.skip("it is installed")
    with pytest.raises(WorkbenchError, match=told) as refused:
        push_to("churn", url, store=store.path)
    assert "hunter2" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert refused.value.__suppress_context__ or refused.value.__context__ is None or url.startswith("/")


def _is_installed(package: str) -> bool:
    try:
        __import__(package)
    except ImportError:
        return False
    return True


def test_the_commands_say_what_travelled(kept, store, tmp_path, workbench):
    team = tmp_path / "team"
    said = workbench("push", "churn", team, "--store", store.path)
    assert said.code == 0
    assert said.out.startswith(f"{kept.reference} (")
    assert "sent)" in said.out
    assert "changes.diff (changes)" in said.err
    again = workbench("push", "churn", team, "--store", store.path, "--json")
    assert json.loads(again.out) == {
        "ref": str(kept.reference), "runs": [], "files": 0, "bytes": 0, "absent": ["changes.diff (changes)"],
    }  # fmt: skip
    said = workbench("pull", team, "churn", "--store", tmp_path / "mine", "--json")
    assert json.loads(said.out)["files"] == len(kept.manifest["files"]) + 2
    assert [one["ref"] for one in json.loads(workbench("list", "--store", tmp_path / "mine", "--json").out)] == [
        str(kept.reference)
    ]
    refused = workbench("pull", team, "farm", "--store", tmp_path / "mine")
    assert (refused.code, refused.out) == (2, "")
    assert "There are: churn" in refused.err


def test_a_copy_without_data_and_the_whole_one_are_told_apart(kept, store, url, elsewhere, tmp_path):
    open_to_all = url + " open"
    copied = push_to("churn", open_to_all, store=store.path, without_data=True)
    assert "customers.csv (data)" not in copied.absent  # the copy names no tables
    pull_from(open_to_all, "churn", store=elsewhere.path)
    found = resolve("churn", elsewhere)
    assert found.manifest["whole"] == kept.manifest["digest"]
    assert not (found.path / "predictions.parquet").exists()
    with pytest.raises(BadArtifact, match="without its data"):
        push_to("churn", open_to_all, store=store.path)
    push_to("churn", url, store=store.path)
    assert push_to("churn", url, store=store.path, without_data=True).files == 0
    assert pull_from(open_to_all, "churn", store=store.path).files == 0
    with pytest.raises(BadArtifact, match="without its data"):
        pull_from(url, "churn", store=elsewhere.path)
    again = push_to("churn", str(tmp_path / "whole again"), store=store.path)
    assert again.files == len(kept.manifest["files"]) + 2
