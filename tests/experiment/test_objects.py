"""Objects: kept once, by their content, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import workflow
from workbench.errors import BadArtifact, StoreError
from workbench.experiment import Experiment, Store, objects

KEEP = """
import os, sys
from pathlib import Path
from workbench.experiment import Store, objects

store = Store(Path(sys.argv[1]))
for _ in range(32):
    if os.fork() == 0:
        for number in range(20):
            objects.keep_bytes(store, b"%d" % (number % 5) * 50_000)
        os._exit(0)
print(sum(os.wait()[1] == 0 for _ in range(32)))
"""
KEEP_SLOWLY = """
import sys, time
from pathlib import Path
from workbench.experiment import Store, objects

def pieces():
    yield b"half"
    print("half", flush=True)
    time.sleep(60)

objects.keep_chunks(Store(Path(sys.argv[1])), pieces())
"""


def mark(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def kept_in(store: Store) -> list[Path]:
    return [path for path in (store.path / "objects").rglob("*") if path.is_file()]


def test_what_is_kept_is_found_by_its_content(store: Store) -> None:
    entry = objects.keep_bytes(store, b"a,b\n1,2\n")
    assert entry == {"digest": mark(b"a,b\n1,2\n"), "size": 8}
    hex_digits = entry["digest"].removeprefix("sha256:")
    path = objects.place(store, entry["digest"])
    assert path == store.path / "objects" / "sha256" / hex_digits[:2] / hex_digits
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert list(store.running.iterdir()) == []


def test_the_same_content_is_kept_once_and_looks_new_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"a\n1\n")
    first = objects.keep_file(store, tmp_path / "table.csv")
    path = objects.place(store, first["digest"])
    written = path.stat().st_ino
    os.utime(path, (1, 1))
    assert objects.keep_bytes(store, b"a\n1\n") == first
    assert path.stat().st_ino == written
    assert path.stat().st_mtime > 1
    assert kept_in(store) == [path]


def test_an_object_is_not_writable(store: Store) -> None:
    path = objects.place(store, objects.keep_bytes(store, b"rows")["digest"])
    assert path.stat().st_mode & 0o777 == 0o444


def test_an_object_that_was_cut_short_is_written_again(store: Store) -> None:
    entry = objects.keep_bytes(store, b"all rows")
    path = objects.place(store, entry["digest"])
    path.chmod(0o644)
    path.write_bytes(b"all")
    assert objects.missing(store, {"objects": [{**entry, "role": "data", "name": "t.csv"}]})
    assert objects.keep_bytes(store, b"all rows") == entry
    assert path.read_bytes() == b"all rows"


def damaged(path: Path) -> Path:
    """Change an object and leave its size."""
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    return path


def test_an_object_that_was_changed_and_not_its_size_is_written_again(store: Store, tmp_path: Path) -> None:
    entry = objects.keep_bytes(store, b"all rows")
    path = damaged(objects.place(store, entry["digest"]))
    assert not objects.is_whole(store, entry["digest"], entry["size"])
    assert objects.keep_bytes(store, b"all rows", entry["digest"]) == entry
    assert path.read_bytes() == b"all rows"
    (tmp_path / "table.csv").write_bytes(b"all rows")
    damaged(path)
    objects.keep_file(store, tmp_path / "table.csv")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"all rows", 0o444)


def test_a_link_in_place_of_an_object_is_replaced_and_not_followed(store: Store, tmp_path: Path) -> None:
    path = objects.place(store, objects.keep_bytes(store, b"rows")["digest"])
    (tmp_path / "mine.csv").write_bytes(b"rows")
    path.unlink()
    path.symlink_to(tmp_path / "mine.csv")
    objects.keep_bytes(store, b"rows")
    assert not path.is_symlink()
    assert path.read_bytes() == (tmp_path / "mine.csv").read_bytes() == b"rows"


@pytest.mark.parametrize("arrival", ["import", "pull", "push to a folder"])
def test_whatever_brings_the_bytes_of_a_damaged_object_mends_it(
    keep: Callable[..., Experiment], store: Store, tmp_path: Path, arrival: str
) -> None:
    entry = {"role": "data", "name": "customers.csv", **objects.keep_bytes(store, b"all rows")}
    kept, mine = keep(1, objects=[entry]), tmp_path / "mine"
    file = workflow.export(kept.short, tmp_path / "churn.zip", store=store.path)
    workflow.import_(file, store=mine)
    place = damaged(objects.place(Store(mine), entry["digest"]))
    if arrival == "import":
        workflow.import_(file, store=mine)
    elif arrival == "pull":
        workflow.pull(str(store.path), "churn", store=mine)
    else:
        workflow.push(kept.short, str(mine), store=store.path)
    assert place.read_bytes() == b"all rows"
    assert list((mine / "running").iterdir()) == []


def test_what_a_manifest_names_and_the_store_lacks_is_told(store: Store) -> None:
    here = {"role": "data", "name": "here.csv", **objects.keep_bytes(store, b"here")}
    gone = {"role": "changes", "name": "changes.diff", "digest": mark(b"gone"), "size": 4}
    assert objects.missing(store, {"objects": [here, gone]}) == [gone]
    assert objects.named({"objects": [here, gone]}, "data") == [here]
    assert objects.missing(store, {}) == []


@pytest.mark.parametrize("digest", ["", "sha256:../../etc/passwd", "md5:" + "0" * 32, "sha256:" + "G" * 64])
def test_what_is_no_digest_names_no_place(store: Store, digest: str) -> None:
    with pytest.raises(BadArtifact, match="is not the digest of an object"):
        objects.place(store, digest)


def test_an_experiment_knows_the_store_it_lies_in(store: Store, tmp_path: Path) -> None:
    assert objects.home(store.experiments / "churn" / "20261121T183000Z-1f3ac09e") == store
    assert objects.home(tmp_path / "copy") == Store(tmp_path / "copy")


def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", KEEP, store.path], capture_output=True, text=True, check=True)
    assert done.stdout == "32\n"
    assert sorted(mark(path.read_bytes()).removeprefix("sha256:") for path in kept_in(store)) == sorted(
        path.name for path in kept_in(store)
    )
    assert len(kept_in(store)) == 5
    assert list(store.running.iterdir()) == []


def test_a_writer_that_is_killed_leaves_no_half_object(store: Store) -> None:
    writer = subprocess.Popen([sys.executable, "-c", KEEP_SLOWLY, store.path], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert kept_in(store) == []


def test_a_full_disk_is_told_and_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.experiment.objects.os.fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        objects.keep_bytes(store, b"rows")
    assert kept_in(store) == []
    assert list(store.running.iterdir()) == []
