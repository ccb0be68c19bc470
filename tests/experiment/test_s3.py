"""Push and pull with a server of S3 on this machine, while processes are killed outright."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import fsspec
import pytest

from workbench.documents.experiment import write_manifest
from workbench.errors import BadAddress
from workbench.experiment import Experiment, Store, experiments, load, objects, resolve, verify
from workbench.workflow import pull, push

pytest.importorskip("s3fs", reason="needs the group s3: uv sync --group s3")
moto = pytest.importorskip("moto.server", reason="needs the group s3: uv sync --group s3")

COMMAND = [sys.executable, "-m", "workbench"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    served = moto.ThreadedMotoServer(port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    yield f"http://{host}:{port}"
    served.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch, tmp_path) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{tmp_path.name.replace('_', '-').lower()[-40:].strip('-')}"
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(name)
    return f"s3://{name}/team"


@pytest.fixture
def kept(keep, store) -> Experiment:
    """An experiment of many files, with a table of some size."""
    noise = random.Random(1)
    one = keep(1, outputs={f"a b/{number} €.bin": "x" * noise.randrange(30_000) for number in range(60)})
    table = {"role": "data", "name": "customers.csv", **objects.keep_bytes(store, noise.randbytes(3_000_000))}
    write_manifest(one.path, {**one.manifest, "objects": [table]})
    return load(one.path)


def place(kept: Experiment) -> str:
    return f"experiments/{kept.name}/{kept.version}"


def there(url: str) -> dict[str, str]:
    """The names of what lies in a bucket, and when each was written: asked of the server itself, which is quicker."""
    name = url.split("/")[2]
    from moto.s3.models import s3_backends

    [keys] = [one.buckets[name].keys for one in s3_backends["123456789012"].values() if name in one.buckets]
    return {key: str(one.last_modified) for key, one in list(keys.items())}


def test_what_is_pushed_to_a_bucket_is_pulled_as_the_same(kept, store, bucket, tmp_path, snapshot):
    push("churn", bucket, store=store.path)
    pull(bucket, "churn", store=tmp_path / "elsewhere")
    found = resolve("churn", Store(tmp_path / "elsewhere"))
    assert snapshot(found.path) == snapshot(kept.path)
    assert objects.missing(Store(tmp_path / "elsewhere"), found.manifest) == []
    assert push("churn", bucket, store=store.path).files == 0


def killed_when(command: list[object], is_time) -> bool:
    """Run a command and kill it outright once it is time; False when it ended before."""
    process = subprocess.Popen([*COMMAND, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if is_time():
            process.kill()
            process.wait()
            return process.returncode == -signal.SIGKILL
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_a_push_that_was_killed_goes_on_with_what_is_missing(kept, store, bucket, tmp_path):
    whole = len(kept.manifest["files"]) + 2
    killed = 0
    for least in (1, whole // 2, whole - 8):
        killed += killed_when(
            ["push", "churn", bucket, "--store", store.path], lambda least=least: len(there(bucket)) >= least
        )
        before = there(bucket)
        if f"team/{place(kept)}/manifest.json" in before:
            continue
        with pytest.raises(Exception, match=r"has no manifest\.json|matches no experiment"):
            pull(bucket, kept.short, store=tmp_path / "elsewhere")
    assert killed >= 2
    before = there(bucket)
    moved = push("churn", bucket, store=store.path)
    after = there(bucket)
    assert moved.files == whole - len(before)
    assert {name: when for name, when in after.items() if name in before} == before
    pull(bucket, "churn", store=tmp_path / "elsewhere")
    assert verify(resolve("churn", Store(tmp_path / "elsewhere"))) == []


@pytest.mark.slow
def test_a_pull_that_was_killed_goes_on_with_what_is_missing(kept, store, bucket, tmp_path):
    push("churn", bucket, store=store.path)
    elsewhere = Store(tmp_path / "elsewhere").create()
    whole = len(kept.manifest["files"]) + 1

    def loaded() -> int:
        return sum(one.is_file() for one in elsewhere.running.glob(".pull-*/**/*"))

    killed = sum(
        killed_when(["pull", bucket, "churn", "--store", elsewhere.path], lambda least=least: loaded() >= least)
        for least in (1, whole // 2)
    )
    assert killed >= 2
    assert list(elsewhere.experiments.rglob("*.json")) == []
    had = loaded()
    moved = pull(bucket, "churn", store=elsewhere.path)
    assert moved.files <= whole - had + 2  # its manifest is written anew
    assert verify(resolve("churn", elsewhere)) == []
    assert list(elsewhere.running.iterdir()) == []


@pytest.mark.slow
def test_two_that_push_the_same_at_once_both_end_well(kept, store, bucket, tmp_path):
    words = [*COMMAND, "push", "churn", bucket, "--store", str(store.path), "--json"]
    racing = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(process.communicate(timeout=120)[0]) for process in racing]
    assert [one["ref"] for one in said] == [str(kept.reference)] * 2
    pull(bucket, "churn", store=tmp_path / "elsewhere")
    assert verify(resolve("churn", Store(tmp_path / "elsewhere"))) == []


def test_a_damaged_file_in_a_bucket_is_named(kept, store, bucket, tmp_path):
    push("churn", bucket, store=store.path)
    fsspec.filesystem("s3").pipe_file(
        f"{bucket}/{place(kept)}/scores.json", b"x" * (kept.path / "scores.json").stat().st_size
    )
    with pytest.raises(Exception, match=r"scores\.json' is not what was pushed"):
        pull(bucket, "churn", store=tmp_path / "elsewhere")
    assert experiments(Store(tmp_path / "elsewhere")) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "refuses the connection"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no credentials"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_in_one_line(kept, store, bucket, change, told, monkeypatch, tmp_path):
    fsspec.filesystem("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in change.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    monkeypatch.setattr("workbench.experiment.sharing.patience.PAUSES", ())
    with pytest.raises(BadAddress, match=told) as refused:
        push("churn", bucket, store=store.path)
    fsspec.filesystem("s3").clear_instance_cache()
    assert "hunter2" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_bucket_that_is_not_there_is_told_in_one_line(kept, store, bucket):
    with pytest.raises(BadAddress, match="does not exist"):
        push("churn", "s3://no-such-bucket-here/team", store=store.path)


def test_a_table_larger_than_one_request_goes_in_parts(keep, store, bucket, tmp_path):
    one = keep(2)
    text = os.urandom(2**20) * 120
    table = {"role": "data", "name": "large.csv", **objects.keep_bytes(store, text)}
    write_manifest(one.path, {**one.manifest, "objects": [table]})
    push(one.short, bucket, store=store.path)
    pull(bucket, one.short, store=tmp_path / "elsewhere")
    assert objects.place(Store(tmp_path / "elsewhere"), table["digest"]).read_bytes() == text
