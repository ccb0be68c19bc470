"""A store under faults: whatever fails at whichever write, and whoever is killed when, it stays a whole store."""

from __future__ import annotations

import errno
import json
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.run_folder import RunFolder
from workbench.errors import WorkbenchError
from workbench.experiment import Store, capture, export, export_batch, import_, import_batch, notes, objects
from workbench.experiment.upkeep.fsck import fsck
from workbench.records import Reference

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROOMLESS = ("os.remove", "os.rmdir", "os.rename")  # what a full disk lets pass
WRITING = ("os.mkdir", "os.link", "os.chmod", "os.utime")
POINTS = 12  # at most so many of a verb's writes are made to fail, spread evenly


class Disk:
    """The file system below one folder, of which a write and all after it fail."""

    def __init__(self) -> None:
        self.folder, self.writes, self.fails_from, self.error = "", 0, 0, 0

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python tells of every such call before it makes it; an error raised here is the call's."""
        if not self.folder or not isinstance(arguments[0] if arguments else None, str | Path):
            return
        is_roomless = event in ROOMLESS
        if not (is_roomless or event in WRITING or (event == "open" and self._writes(arguments[2]))):
            return
        if not str(arguments[0]).startswith(self.folder) or (is_roomless and self.error == errno.ENOSPC):
            return
        self.writes += 1
        if self.fails_from and self.writes >= self.fails_from:
            raise OSError(self.error, os.strerror(self.error))

    @staticmethod
    def _writes(flags: int) -> bool:
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    @contextmanager
    def failing(self, folder: Path, fails_from: int, error: int = 0) -> Iterator[None]:
        """Fail from a write on; never, for 0."""
        self.folder, self.writes, self.fails_from, self.error = str(folder), 0, fails_from, error
        try:
            yield
        finally:
            self.folder = ""


@pytest.fixture(scope="module")
def disk() -> Disk:
    """An audit hook stays for as long as the process: this one listens only while a folder is named to it."""
    disk = Disk()
    sys.addaudithook(disk.hear)
    return disk


@pytest.fixture
def base(store: Store, keep: Callable[..., Any], run: Callable[..., RunFolder], tmp_path: Path) -> Path:
    """A store with an experiment and a run that has ended; beside it zips of an experiment and of a batch."""
    from workbench.documents.experiment import write_manifest
    from workbench.experiment import Experiment

    elsewhere = Store(tmp_path / "elsewhere").create()
    table = {"role": "data", "name": "t.csv", **objects.keep_bytes(elsewhere, b"rows")}
    one, two, three = (
        capture(_moved(run(number, name=name, objects=[table]), elsewhere), elsewhere)
        for number, name in ((11, "farm"), (12, "farm"), (13, "farms"))
    )
    manifest = {**three.manifest, "kind": "batch", "children": [str(one.reference), str(two.reference)]}
    write_manifest(three.path, manifest)
    export(one, tmp_path / "one.zip")
    export_batch(Experiment(three.reference, three.path, manifest), [one, two], tmp_path / "batch.zip")
    keep(1)
    run(2)
    return store.path


def _moved(folder: RunFolder, store: Store) -> RunFolder:
    place = store.running / folder.path.name
    shutil.move(folder.path, place)
    return RunFolder(place)


def capturing(store: Store) -> None:
    (ended,) = (path for path in store.running.iterdir() if not path.name.startswith("."))
    capture(RunFolder(ended), store, report="<html></html>")


def importing(store: Store) -> None:
    assert import_(store.path.parent / "one.zip", store).new


def importing_a_batch(store: Store) -> None:
    assert import_batch(store.path.parent / "batch.zip", store).new


def keeping_an_object(store: Store) -> None:
    objects.keep_bytes(store, b"a table")


def noting(store: Store) -> None:
    first = Reference("churn", store.versions("churn")[0])
    notes.add(store, first, "note", "good", author="ada", now=NOW)


def state(store: Store) -> dict[str, bytes]:
    """Everything that is not hidden, by its name; a claim on a run is nothing that lasts."""
    return {
        str(path.relative_to(store.path)): path.read_bytes()
        for path in sorted(store.path.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(store.path).parts)
    }


def without_objects(files: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out objects: one that nobody names does no harm, and is freed in time."""
    return {name: content for name, content in files.items() if not name.startswith("objects/")}


def seen(store: Store) -> set[str]:
    return {f"{name}@{version}" for name in store.names() for version in store.versions(name)}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
@pytest.mark.parametrize("verb", [capturing, importing, importing_a_batch, keeping_an_object, noting])
def test_whichever_write_fails_the_store_stays_whole_and_the_verb_can_be_repeated(base, disk, verb, error, tmp_path):
    before, known = state(Store(base)), seen(Store(base))
    writes = counted(disk, base, verb)
    assert writes > 3
    for point in range(1, writes + 1, max(1, writes // POINTS)):
        store = Store(tmp_path / "try")
        shutil.copytree(base, store.path)
        with disk.failing(store.path, point, error):
            told = refusal(verb, store)  # empty where it could do without
        assert not told or os.strerror(error) in told, point
        assert "\n" not in told
        assert fsck(store).problems == [], point
        if told and seen(store) == known:
            assert without_objects(state(store)) == without_objects(before), point
            verb(store)
        elif told:  # nothing could be undone, either: what is there is whole
            assert error == errno.EROFS, point
        assert fsck(store).problems == []
        shutil.rmtree(store.path)


def refusal(verb: Callable[[Store], None], store: Store) -> str:
    """Give what a verb says when it fails, and nothing when it does not."""
    try:
        verb(store)
    except WorkbenchError as error:
        return str(error)
    return ""


def counted(disk: Disk, base: Path, verb: Callable[[Store], None]) -> int:
    store = Store(base.with_name("count"))
    shutil.copytree(base, store.path)
    with disk.failing(store.path, 0):
        verb(store)
    writes = disk.writes
    shutil.rmtree(store.path)
    return writes


@pytest.mark.parametrize("verb", [capturing, importing, importing_a_batch, keeping_an_object, noting])
def test_a_file_that_may_grow_no_further_is_one_clear_line_and_no_half_document(base, verb, tmp_path):
    """The system itself stops the write, in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for largest in (0, 50, 700, 3000):
            store = Store(tmp_path / "try")
            shutil.copytree(base, store.path)
            known = state(store)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
            try:
                told = refusal(verb, store)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert "File too large" in told or (largest and not told)
            assert fsck(store).problems == []
            if told:
                assert without_objects(state(store)) == without_objects(known)
            shutil.rmtree(store.path)
    finally:
        signal.signal(signal.SIGXFSZ, before)


class Killer(Disk):
    """At a write, and there the process is killed."""

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        try:
            super().hear(event, arguments)
        except OSError:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_at_its_writes(verb: Callable[[Store], None], base: Path) -> None:
    """Carry a verb out again and again, killed at each of its writes, and print what became of the store.

    In a process of its own, for one with threads must not be forked.
    """
    from workbench.experiment.capturing import environment
    from workbench.workflow.stale import keep_stale

    installed = environment._installed()
    environment._installed = lambda: dict(installed)
    killer, store = Killer(), Store(base.with_name("killed"))
    sys.addaudithook(killer.hear)
    writes = counted(killer, base, verb)
    for point in range(1, writes + 1, max(1, writes // POINTS)):
        shutil.copytree(base, store.path)
        known = seen(store)
        if (child := os.fork()) == 0:
            with killer.failing(store.path, point, errno.EIO):
                verb(store)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        problems = fsck(store).problems
        keep_stale(store)  # what the next command does first of all
        left = [path.name for path in store.running.iterdir() if path.name.startswith(".")]
        if seen(store) == known:
            verb(store)
        sys.stdout.write(json.dumps([point, killed, problems, left, fsck(store).problems]) + "\n")
        shutil.rmtree(store.path)


@pytest.mark.parametrize("verb", [capturing, importing, importing_a_batch, keeping_an_object, noting])
def test_killed_at_whichever_write_the_store_stays_whole_and_the_verb_can_be_repeated(base, verb):
    words = [sys.executable, __file__, verb.__name__, base]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [json.loads(line) for line in said]
    assert len(found) > 3
    assert [(killed, problems, left, again) for _, killed, problems, left, again in found] == [
        (True, [], [], [])
    ] * len(found)


ON_A_DISK = """
mount -t tmpfs -o "$3" workbench "$0" || exit 77
"$1" -m workbench import "$2" --store "$0"
echo "exit $?"
"$1" -m workbench fsck --store "$0"
find "$0" -type f
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [("size=2m", "No space left on device"), ("size=2m,ro", "Read-only file system")],
    ids=["full", "read-only"],
)
def test_on_a_real_disk_that_is_full_or_read_only_an_import_leaves_nothing(keep, tmp_path, options, said):
    large = keep(1, outputs={"numbers.txt": secrets.token_hex(3 * 2**20)})
    file, disk = export(large, tmp_path / "large.zip"), tmp_path / "disk"
    disk.mkdir()
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_DISK, disk, sys.executable, file, options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a disk of one's own")
    assert f"cannot be written: {said}" in done.stderr
    assert done.stderr.count("\n") == 1
    whole = "0 experiments, 0 models, 0 objects, 0 runs, 0 notes: all is whole."
    assert done.stdout.splitlines() == ["exit 2", whole]


WRITERS = 32


def everyone_at_once(base: Path) -> None:
    """Have many processes keep a run, an experiment from a zip, an object and a note each, at the same moment."""
    from workbench.experiment.capturing import environment

    installed = environment._installed()
    environment._installed = lambda: dict(installed)
    store = Store(base)
    runs = sorted(path for path in store.running.iterdir() if not path.name.startswith("."))
    ready, go = os.pipe()
    children = []
    for number, path in enumerate(runs):
        if (child := os.fork()) == 0:
            os.close(go)
            os.read(ready, 1)  # all wait until the other end is closed
            objects.keep_bytes(store, b"table %d" % (number % 3))
            import_(base.parent / "one.zip", store)
            noting(store)
            capture(RunFolder(path), store)
            noting(store)
            os._exit(0)
        children.append(child)
    os.close(go)
    sys.stdout.write(f"{sum(os.waitpid(child, 0)[1] == 0 for child in children)}\n")


def test_32_writers_at_once_lose_nothing(base, run):
    for number in range(100, 100 + WRITERS - 1):
        run(number, name=f"shop-{number % 4}")
    said = subprocess.run([sys.executable, __file__, "everyone", base], capture_output=True, text=True, check=True)
    assert said.stdout == f"{WRITERS}\n"
    checked = fsck(Store(base))
    assert checked.problems == []
    assert checked.notes == []
    assert checked.counts == {
        "experiments": WRITERS + 2,  # with the one that was there, and the one from the zip
        "models": 0,
        "objects": 3 + 1,
        "runs": 0,
        "notes": 2 * WRITERS,
    }
    assert list(Store(base).running.iterdir()) == []


if __name__ == "__main__":
    if sys.argv[1] == "everyone":
        everyone_at_once(Path(sys.argv[2]))
    else:
        killed_at_its_writes(globals()[sys.argv[1]], Path(sys.argv[2]))
