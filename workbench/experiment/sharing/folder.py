"""A folder at the URL of any file system that fsspec knows: on this machine, in an object store, on a server.

An object store shows a file when all of it is there. Elsewhere a file is written under a hidden name and renamed. What
fails for a moment is tried again; what fails for good is told in one line.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.dataset.addresses import scheme_of, trouble
from workbench.documents.redaction import without_credentials
from workbench.errors import BadAddress, WorkbenchError
from workbench.experiment.sharing.patience import read_on, tried
from workbench.experiment.sharing.remote import CHUNK

if TYPE_CHECKING:
    from fsspec.callbacks import Callback

WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}  # a file is there when the last byte of it is
AT_ONCE = 8
BLOCK = 8 * 2**20  # bytes of one request
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a file system of fsspec."""

    url: str = field(repr=False)
    system: Any = field(repr=False)
    path: str

    @property
    def told(self) -> str:
        """The URL, without what is secret in it."""
        return without_credentials(self.url)

    @property
    def workers(self) -> int:
        """How many files may be on their way at a time: one where all share a connection."""
        return AT_ONCE if self.system.async_impl else 1

    @property
    def local(self) -> Path | None:
        """The folder on this machine; None where it is elsewhere."""
        return Path(self.path) if "file" in _protocols(self.system) else None

    def folders(self, name: str) -> list[str]:
        """Give the names of the folders in a folder; none of one that is not there."""
        try:
            found = self._tried(lambda: self.system.ls(self._at(name), detail=True))
        except FileNotFoundError:
            return []
        return sorted(_last(one["name"]) for one in found if one["type"] == "directory")

    def sizes(self, name: str) -> dict[str, int]:
        """Give the size of every file below a folder, by its name in it; none of one that is not there."""
        at = self._at(name)
        try:
            found = self._tried(lambda: self.system.find(at, detail=True))
        except FileNotFoundError:
            return {}
        return {path[len(at) + 1 :]: int(one["size"] or 0) for path, one in found.items() if one["type"] == "file"}

    def size(self, name: str) -> int | None:
        """Give the size of one file; None where there is none."""
        try:
            found = self._tried(lambda: self.system.info(self._at(name)))
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece; after a break from where it ended."""
        if self.local is not None:
            _insist_on_file(self.local / name, f"{self.told}/{name}")
        return read_on(partial(self._chunks, self._at(name)), self.url, name)

    def _chunks(self, path: str, start: int) -> Iterator[bytes]:
        with self.system.open(path, "rb", block_size=BLOCK) as file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk

    def put(self, file: Path, name: str, sent: Callable[[int], None]) -> bool:
        """Write a file as a whole, and tell the bytes sent; it always has to be sent."""
        put = self._put_whole if scheme_of(self.url) in WHOLE else self._put_hidden
        try:
            self._tried(lambda: put(file, self._at(name), sent), "written to")
        except FileNotFoundError:
            raise BadAddress(self.told, "cannot be written to: it does not exist", "Look at the address.") from None
        return True

    def _put_whole(self, file: Path, target: str, sent: Callable[[int], None]) -> None:
        told = _counting(sent)
        try:
            self.system.put_file(str(file), target, callback=told)
        except BaseException:
            with suppress(WorkbenchError):
                sent(-told.value)
            raise
        sent(file.stat().st_size - told.value)

    def _put_hidden(self, file: Path, target: str, sent: Callable[[int], None]) -> None:
        above, _, name = target.rpartition("/")
        hidden = f"{above}/.{name[:200]}.{secrets.token_hex(4)}"
        try:
            self._put_whole(file, hidden, sent)
            self.system.mv(hidden, target)
        except BaseException:
            with suppress(Exception):  # what cannot be removed is hidden, and does no harm
                self.system.rm_file(hidden)
            raise

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _tried(self, do: Callable[[], T], verb: str = "read") -> T:
        def fresh() -> T:
            self.system.invalidate_cache()  # others write there, too
            return do()

        return tried(fresh, self.url, verb)


def folder_at(url: str) -> Folder:
    """Open the folder a URL, or a path, stands for. Nothing is made there.

    Raises
    ------
    BadAddress
        If there is no such kind of URL, a package is missing, or its server cannot be reached.
    """
    told = without_credentials(url)
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations, registry

    scheme, is_url = scheme_of(url), "://" in url
    if scheme and scheme not in known_implementations and scheme not in registry:
        raise BadAddress(told, f"is of an unknown kind ({scheme}://)", "Known are folders, s3://, gs://, sftp:// …")
    if not is_url and (kind := url.partition(":")[0]) != url and kind in known_implementations:
        raise BadAddress(told, "is no folder and no URL", f"Write it {kind}://… for a URL, ./{kind}:… for a folder.")
    try:
        system, path = url_to_fs(url if is_url else str(Path(url).expanduser().absolute()))
    except Exception as error:  # each file system has errors of its own
        raise BadAddress(told, *trouble(error, url)) from None
    return Folder(url.rstrip("/"), system, path.rstrip("/"))


def _protocols(system: Any) -> tuple[str, ...]:
    told = system.protocol
    return (told,) if isinstance(told, str) else tuple(told)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _insist_on_file(path: Path, told: str) -> None:
    """Refuse a pipe, which would be waited for, and a link, which may lead anywhere."""
    try:
        regular = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return  # opening it says what is wrong
    if not regular:
        raise BadAddress(told, "is not a regular file", "Nothing of it was taken over.")


def _counting(sent: Callable[[int], None]) -> Callback:
    from fsspec.callbacks import Callback

    class Counting(Callback):
        def relative_update(self, inc: int = 1) -> None:
            self.value += inc
            sent(inc)

    return Counting()
