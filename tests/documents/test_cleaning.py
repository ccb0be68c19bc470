from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path

import pandas as pd
import pytest

from workbench.documents.cleaning import clean
from workbench.documents.inside import Unreadable, secrets_inside
from workbench.documents.redaction import Redactor
from workbench.documents.run_folder import RunFolder, RunRecord

VALUE = "hunter2-s3cr3t"
MARK = "[secret:token]"
NOISE = bytes(range(256)) * 20


@pytest.fixture
def folder(tmp_path: Path, redactor: Redactor) -> RunFolder:
    made = RunFolder(tmp_path / "run", redactor)
    made.outbox.mkdir(parents=True)
    made.outputs.mkdir()
    made.write(RunRecord("a", "v", "t", started="", pid=1, host="h", secrets=["token"]))
    return made


@pytest.fixture
def redactor() -> Redactor:
    return Redactor({"token": VALUE})


def zipped(content: bytes, name: str = "a.txt", comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.comment = comment
    return target.getvalue()


def tarred(content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.bin")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def parquet(text: str, column: str = "a") -> bytes:
    return pd.DataFrame({column: [text] * 500, "n": range(500)}).to_parquet(compression="snappy")


def png(text: str) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about, target = PngInfo(), io.BytesIO()
    about.add_text("Title", text, zip=True)
    Image.new("RGB", (40, 40)).save(target, "PNG", pnginfo=about)
    return target.getvalue()


CONTAINERS = {
    "bytes": lambda text: NOISE + text.encode() + NOISE,
    "utf-16 bytes": lambda text: b"\0\0" + text.encode("utf-16-le"),
    "pickle": lambda text: pickle.dumps({"a": text}),
    "zip": lambda text: zipped(text.encode()),
    "zip's name": lambda text: zipped(b"", name=f"{text}.txt"),
    "zip's comment": lambda text: zipped(b"", comment=text.encode()),
    "zip in zip": lambda text: zipped(zipped(text.encode())),
    "gzip": lambda text: gzip.compress(text.encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "xz": lambda text: lzma.compress(text.encode()),
    "tar.gz": lambda text: tarred(NOISE + text.encode()),
    "gzip in tar.gz": lambda text: tarred(gzip.compress(text.encode())),
    "zlib": lambda text: b"\0head" + zlib.compress(text.encode() * 3) + NOISE,
    "pdf": lambda text: b"%PDF-1.4\nstream\n" + zlib.compress(text.encode()) + b"\nendstream",
    "png": png,
    "parquet": parquet,
    "parquet's column": lambda text: parquet("x", column=text),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_value_is_found_in_what_is_compressed(redactor, kind):
    make = CONTAINERS[kind]
    assert secrets_inside(make(VALUE), redactor) == {"token"}
    assert secrets_inside(make("nothing to be seen"), redactor) == set()


@pytest.mark.parametrize(
    "content",
    [b"\x28\xb5\x2f\xfd rest", b"7z\xbc\xaf\x27\x1c", gzip.compress(NOISE)[:-20], zipped(b"abc" * 50)[:60], b"PAR1 x"],
    ids=["zstandard", "7z", "damaged gzip", "damaged zip", "damaged parquet"],
)
def test_what_cannot_be_looked_into_is_said_to_be_so(redactor, content):
    with pytest.raises(Unreadable):
        secrets_inside(content, redactor)


def test_a_value_across_two_blocks_of_a_large_file_is_found(redactor, tmp_path):
    file = tmp_path / "large.bin"
    file.write_bytes(b"\0" * (2**20 - 5) + VALUE.encode() + b"\0" * 100)
    with file.open("rb") as opened:
        assert secrets_inside(opened, redactor) == {"token"}


def test_texts_are_written_anew_and_stay_what_they_were(folder):
    (folder.outputs / "a.csv").write_bytes(f"name,token\r\nß,{VALUE}\r\n".encode())
    (folder.outputs / "a.json").write_text(json.dumps({"n": 1.5, VALUE: f"x{VALUE}"}))
    (folder.outbox / "trials.jsonl").write_text(f'{{"a": "{VALUE}"}}\n{{"b": 2}}\n')
    (folder.outputs / "excel.csv").write_bytes(f"a;{VALUE}\n".encode("utf-16"))
    folder.kernel_log.write_text(f"crash {VALUE}\nsee https://me:pw@host/\n")
    untouched = folder.outputs / "untouched.json"
    untouched.write_text('{ "a" :1 }')
    assert clean(folder).left_out == {}
    assert (folder.outputs / "a.csv").read_bytes() == f"name,token\r\nß,{MARK}\r\n".encode()
    assert json.loads((folder.outputs / "a.json").read_text()) == {"n": 1.5, MARK: f"x{MARK}"}
    assert (folder.outbox / "trials.jsonl").read_text() == f'{{"a": "{MARK}"}}\n{{"b": 2}}\n'
    assert (folder.outputs / "excel.csv").read_text(encoding="utf-16") == f"a;{MARK}\n"
    assert folder.kernel_log.read_text() == f"crash {MARK}\nsee https://***@host/\n"
    assert untouched.read_text() == '{ "a" :1 }'


@pytest.mark.parametrize("kind", CONTAINERS)
def test_other_files_that_hold_a_value_are_left_out_and_why_is_said(folder, kind):
    (folder.outputs / "a.bin").write_bytes(CONTAINERS[kind](VALUE))
    (folder.outputs / "b.bin").write_bytes(CONTAINERS[kind]("nothing"))
    [(name, why)] = clean(folder).left_out.items()
    assert name == "outputs/a.bin"
    assert why == "it holds the secret 'token', which cannot be taken out of a file of its kind"
    assert [path.name for path in folder.outputs.iterdir()] == ["b.bin"]


def test_a_file_named_by_a_value_is_left_out_without_being_named(folder):
    (folder.outputs / f"{VALUE}.txt").write_text("x")
    assert clean(folder).left_out == {f"outputs/{MARK}.txt": "its name holds a secret"}


def test_a_run_without_secrets_keeps_every_file_and_loses_passwords_in_urls_alone(folder):
    packed = b"7z\xbc\xaf\x27\x1c rest \0"
    (folder.outputs / "a.7z").write_bytes(packed)
    (folder.outputs / "a.txt").write_text("git+https://me:token@host/repo")
    folder.update(secrets=[])
    assert clean(RunFolder(folder.path)).left_out is None
    assert (folder.outputs / "a.7z").read_bytes() == packed
    assert (folder.outputs / "a.txt").read_text() == "git+https://***@host/repo"


def test_json_with_a_name_twice_is_cleaned_as_text(folder):
    (folder.outputs / "a.json").write_text(f'{{"a": "{VALUE}", "a": 1}}')
    clean(folder)
    assert (folder.outputs / "a.json").read_text() == f'{{"a": "{MARK}", "a": 1}}'


def test_of_a_killed_run_only_what_is_clean_at_any_time_is_kept(folder):
    folder.notebook.write_text("{}")
    folder.events.write_text("{}")
    folder.kernel_log.write_text(VALUE)
    (folder.outputs / "a.txt").write_text(VALUE)
    (folder.outbox / "scores.json").write_text("{}")
    nobody = RunFolder(folder.path)
    assert sorted(clean(nobody).left_out) == ["kernel.log", "outputs/a.txt", "scores.json"]
    assert folder.notebook.exists()
    assert folder.events.exists()
    assert sorted(clean(nobody).left_out) == ["kernel.log", "outputs/a.txt", "scores.json"]  # still said a second time
