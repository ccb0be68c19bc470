"""A zip from a stranger, judged before one byte of it is written.

The standard library's extractor joins, renames and overwrites in silence; here every member has to be a regular file
whose name is safe on every platform, and sizes are counted as they are read, whatever the archive declares.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from workbench.documents.experiment import LARGEST, MANIFEST
from workbench.errors import BadArtifact
from workbench.experiment.names import clashes, problem_with

MOST_FILES = 20_000
MOST_BYTES = 4 * 2**30  # unpacked; what is larger needs the longer form of a zip's directory, which is not read here
MOST_RATIO, RATIO_FROM = 200, 64 * 2**20
CHUNK = 2**20
DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    UnicodeError,
    ValueError,
)


def tightest(file: Path) -> int:
    """Say to how many bytes a file may unpack: honest ones of some size pack about 1 to 10."""
    return max(RATIO_FROM, MOST_RATIO * file.stat().st_size)


class Archive:
    """The members of an opened zip that passed every check on their names, kinds and declared sizes."""

    def __init__(self, file: Path, opened: zipfile.ZipFile) -> None:
        self.file, self._zip = file, opened
        limit = min(MOST_BYTES, tightest(file))
        members = [member for member in opened.infolist() if not member.is_dir()]
        self._members = {member.filename: member for member in members}
        if problem := _problem_of(opened.infolist()) or _problem_of_sizes(members, limit):
            raise BadArtifact(str(file), problem, "Nothing of it was taken over.")

    @property
    def names(self) -> list[str]:
        """Names of the files, in order."""
        return sorted(self._members)

    @property
    def size(self) -> int:
        """How many bytes all files are, as the archive declares; more than that is never read."""
        return sum(member.file_size for member in self._members.values())

    def manifest(self) -> bytes:
        """Read the bytes of the manifest.

        Raises
        ------
        BadArtifact
            If there is none.
        """
        if MANIFEST not in self._members:
            raise BadArtifact(str(self.file), f"has no {MANIFEST}", "It is not an exported experiment.")
        content = bytearray()
        for chunk in self.chunks(MANIFEST):
            content += chunk
            if len(content) > LARGEST:
                break
        return bytes(content)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read one file piece by piece; raises when more or less comes out than was declared."""
        member, seen = self._members[name], 0
        with self._zip.open(member) as stream:
            while chunk := stream.read(CHUNK):
                seen += len(chunk)
                if seen > member.file_size:  # all declared sizes together were judged before
                    raise BadArtifact(str(self.file), f"holds more in {name!r} than it declares")
                yield chunk
        if seen != member.file_size:
            raise BadArtifact(str(self.file), f"holds less in {name!r} than it declares")

    def digest(self, name: str) -> tuple[str, int]:
        """SHA-256 and size of one file as it comes out."""
        sha, size = hashlib.sha256(), 0
        for chunk in self.chunks(name):
            sha.update(chunk)
            size += len(chunk)
        return f"sha256:{sha.hexdigest()}", size

    def extract(self, folder: Path) -> None:
        """Write every file below `folder`; each is created new, with plain permissions."""
        root = folder.resolve()
        for name in self.names:
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if root not in place.resolve().parents:
                raise BadArtifact(str(self.file), f"would write {name!r} outside its folder")
            self.copy(name, place)

    def copy(self, name: str, place: Path) -> None:
        """Write one file to a place where there is none."""
        with place.open("xb") as out:
            for chunk in self.chunks(name):
                out.write(chunk)


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """Open a zip as an `Archive`.

    Raises
    ------
    BadArtifact
        If it is missing, no zip, damaged at any point that is read, or fails a check.
    """
    try:
        if not file.exists():
            raise BadArtifact(str(file), "does not exist", "Check the path.")
        if not file.is_file():
            raise BadArtifact(str(file), "is not a file", "Name the zip an experiment was exported to.")
        with file.open("rb") as stream:
            _check_directory(file, stream)
            with zipfile.ZipFile(stream) as opened_zip:
                yield Archive(file, opened_zip)
    except DAMAGE as error:
        raise BadArtifact(str(file), f"is damaged ({error})", "Ask for it to be sent again.") from error
    except OSError as error:  # a damaged offset can also lead to before the file's first byte
        raise BadArtifact(str(file), f"cannot be read: {error.strerror or error}") from error


def _check_directory(file: Path, stream: BinaryIO) -> None:
    """Refuse a table of contents that would fill the memory before its members can be looked at."""
    size = file.stat().st_size
    stream.seek(max(0, size - 65_557))
    tail = stream.read()
    stream.seek(0)
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        raise BadArtifact(str(file), "is not a zip file, or was cut short", "Ask for it to be sent again.")
    listed, directory = struct.unpack_from("<HL", tail, end + 10)
    if listed > MOST_FILES or directory > MOST_FILES * 1_200:
        problem = f"lists more than {MOST_FILES:,} files, or unpacks to more than {MOST_BYTES // 2**30} GB"
        raise BadArtifact(str(file), problem, "Nothing of it was taken over.")


def _problem_of(members: list[zipfile.ZipInfo]) -> str | None:
    for member in members:
        name = member.filename.removesuffix("/")
        problem = problem_with(name) or _problem_of_kind(member)
        if problem is None and member.orig_filename != member.filename:
            problem = "its name is written in two ways"
        if problem:
            return f"holds {member.filename[:200]!r}: {problem}"
    names = [member.filename for member in members if not member.is_dir()]
    if twice := clashes(names):
        return f"holds {twice[0][:200]!r} twice, or once as a file and once as a folder"
    return None


def _problem_of_kind(member: zipfile.ZipInfo) -> str | None:
    mode = member.external_attr >> 16
    expected = stat.S_IFDIR if member.is_dir() else stat.S_IFREG
    if stat.S_IFMT(mode) not in (0, expected) or mode & 0o7000:
        return "it is not a regular file with plain permissions"
    if member.flag_bits & 0x1:
        return "it is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is compressed in a way that is not read here"
    if member.is_dir() and member.file_size:
        return "it is a folder with content"
    return None


def _problem_of_sizes(members: list[zipfile.ZipInfo], limit: int) -> str | None:
    if sum(member.file_size for member in members) > limit:
        return f"would unpack to more than {limit / 2**20:,.0f} MB"
    ordered = sorted(members, key=lambda member: member.header_offset)
    for one, following in pairwise(ordered):
        if one.header_offset + 30 + one.compress_size > following.header_offset:
            return "holds files that overlap"
    return None
