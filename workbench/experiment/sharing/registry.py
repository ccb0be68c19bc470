"""A registry of images, asked by OCI's distribution API: ``oci://registry.example/team/experiments``."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from workbench.documents.redaction import without_credentials
from workbench.errors import BadAddress
from workbench.experiment.sharing.image import LARGEST, MANIFEST_TYPE
from workbench.experiment.sharing.patience import read_on, tried
from workbench.experiment.sharing.remote import CHUNK

if TYPE_CHECKING:
    from requests import Response, Session

HERE = {"localhost", "127.0.0.1", "::1"}  # reached without encryption, as all clients of registries do
SECONDS = (30, 300)  # to connect, and between two pieces of an answer
AT_ONCE = 4
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)


class Registry:
    """One repository of a registry."""

    workers = AT_ONCE

    def __init__(self, url: str) -> None:
        self.url, self.told = url, without_credentials(url)
        try:
            parts = urlsplit(url)
        except ValueError:  # half of an address in brackets
            parts = urlsplit("")
        self._host, self._name = parts.netloc.rpartition("@")[2], parts.path.strip("/")
        if not self._host or not NAME.fullmatch(self._name):
            raise BadAddress(
                self.told, "is no repository", "Give it like this: oci://registry.example/team/experiments."
            )
        self._root = f"{'http' if parts.hostname in HERE else 'https'}://{self._host}/v2/{self._name}/"
        self._login = _login(parts.username, parts.password) or _known_login(self._host, os.environ)
        self._header: str | None = None
        self._mine = threading.local()  # a session is for one thread

    def size(self, digest: str) -> int | None:
        """Give the size of a blob; None where there is none."""
        try:
            answer = tried(
                lambda: self._ask("HEAD", f"blobs/{digest}", headers={"Accept-Encoding": "identity"}), self.url
            )
        except FileNotFoundError:
            return None
        return int(answer.headers.get("Content-Length", -1))

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Read a blob piece by piece; after a break from where it ended."""
        return read_on(partial(self._chunks, digest), self.url, f"blobs/{digest}")

    def _chunks(self, digest: str, start: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._ask("GET", f"blobs/{digest}", headers=headers, stream=True) as answer:
            rest = 0 if answer.status_code == 206 else start  # it may send all of it again
            for chunk in answer.iter_content(CHUNK):
                yield chunk[rest:]
                rest = max(rest - len(chunk), 0)

    def add(self, file: Path, digest: str, sent: Callable[[int], None]) -> None:
        """Keep a file as a blob, and tell the bytes sent."""
        tried(lambda: self._add(file, digest, sent), self.url, "written to")

    def _add(self, file: Path, digest: str, sent: Callable[[int], None]) -> None:
        begun = self._ask("POST", "blobs/uploads/")
        place = urljoin(begun.url, begun.headers["Location"])
        place += ("&" if "?" in place else "?") + f"digest={digest}"
        with file.open("rb") as opened:
            body = _Counted(opened, file.stat().st_size, sent)
            try:
                self._ask("PUT", place, data=body, headers={"Content-Type": "application/octet-stream"})
            except BaseException:
                body.forget()
                raise

    def tags(self) -> list[str]:
        """Give the tags there are."""
        found: list[str] = []
        place: str | None = "tags/list"
        while place is not None:
            try:
                answer = tried(partial(self._ask, "GET", place), self.url)
            except FileNotFoundError:
                return []
            tags = answer.json().get("tags")
            found += [str(tag) for tag in tags or []]
            following = answer.links.get("next", {}).get("url")
            place = urljoin(answer.url, following) if following else None
        return found

    def artifact(self, tag: str) -> bytes | None:
        """Read the document of an artifact, at most a little more than is allowed; None where there is none."""
        try:
            return tried(lambda: self._artifact(tag), self.url)
        except FileNotFoundError:
            return None

    def _artifact(self, tag: str) -> bytes:
        read = bytearray()
        with self._ask("GET", f"manifests/{tag}", headers={"Accept": MANIFEST_TYPE}, stream=True) as answer:
            for chunk in answer.iter_content(CHUNK):
                read += chunk
                if len(read) > LARGEST:
                    break
        return bytes(read)

    def set_artifact(self, tag: str, document: bytes) -> None:
        """Write the document of an artifact."""
        headers = {"Content-Type": MANIFEST_TYPE}
        tried(lambda: self._ask("PUT", f"manifests/{tag}", data=document, headers=headers), self.url, "written to")

    def _ask(self, method: str, place: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Response:
        """Ask for a place below the repository, or another URL; where a login is asked for, once more with it."""
        url = urljoin(self._root, place)
        answer = self._answer(method, url, headers or {}, options)
        if answer.status_code == 401 and self._log_in(answer):
            if isinstance(body := options.get("data"), _Counted):
                body.forget()
            answer = self._answer(method, url, headers or {}, options)
        return _judged(answer)

    def _answer(self, method: str, url: str, headers: Mapping[str, str], options: Mapping[str, Any]) -> Response:
        ours = urlsplit(url).netloc == self._host
        login = {"Authorization": self._header} if self._header and ours else {}
        return self._session().request(method, url, headers={**headers, **login}, timeout=SECONDS, **options)

    def _session(self) -> Session:
        from requests import Session

        if not hasattr(self._mine, "session"):
            self._mine.session = Session()
        session: Session = self._mine.session
        return session

    def _log_in(self, answer: Response) -> bool:
        """Get what a registry asks for; whether that is worth another try."""
        kind, _, told = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "basic" and self._login:
            self._header = f"Basic {self._login}"
            return True
        asked = dict(CHALLENGE.findall(told))
        if kind.lower() != "bearer" or not self._may_be_asked(asked.get("realm", "")):
            return False
        headers = {"Authorization": f"Basic {self._login}"} if self._login else {}
        wanted = {name: asked[name] for name in ("service", "scope") if name in asked}
        given = _judged(self._session().get(asked["realm"], params=wanted, headers=headers, timeout=SECONDS)).json()
        self._header = f"Bearer {given.get('token') or given.get('access_token')}"
        return True

    def _may_be_asked(self, realm: str) -> bool:
        """Whether a login may be sent there: only encrypted, or on this machine."""
        parts = urlsplit(realm)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)


class _Counted:
    """A file as the body of a request: its size is known, and what is read of it is counted."""

    def __init__(self, file: IO[bytes], size: int, sent: Callable[[int], None]) -> None:
        self._file, self._size, self._sent, self._count = file, size, sent, 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._count += len(chunk)
        self._sent(len(chunk))
        return chunk

    def forget(self) -> None:
        """Begin again: nothing of it was taken."""
        self._file.seek(0)
        self._sent(-self._count)
        self._count = 0


def _judged(answer: Response) -> Response:
    """Give the answer, or raise what it says went wrong."""
    if answer.ok:
        return answer
    said = f"the registry answered {answer.status_code} {answer.reason}{_reason(answer)}"
    if answer.status_code == 404:
        raise FileNotFoundError(said)
    if answer.status_code in (401, 403):
        raise PermissionError(said)
    raise OSError(said)


def _reason(answer: Response) -> str:
    try:
        told = answer.json()["errors"][0]
        return f": {told.get('message') or told['code']}"
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _login(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    return base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()


def _known_login(host: str, environ: Mapping[str, str]) -> str | None:
    """Look up a login that ``docker login`` has stored in its file."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        known = json.loads((folder / "config.json").read_bytes())["auths"][host]["auth"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return str(known) or None
