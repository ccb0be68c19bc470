"""An image layout: what a registry holds, as a folder on this machine (``oci-layout:/path``), in OCI's own form."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.documents.experiment import DIGEST
from workbench.documents.files import digest as digest_of
from workbench.documents.files import write_bytes, writing
from workbench.errors import BadAddress, BadArtifact
from workbench.experiment.objects import chunks_of
from workbench.experiment.sharing.image import LARGEST, MANIFEST_TYPE

NAME = "org.opencontainers.image.ref.name"


class Layout:
    """A folder with ``oci-layout``, ``index.json`` and ``blobs/sha256/``."""

    workers = 1

    def __init__(self, path: Path) -> None:
        self.path, self.told = path, f"oci-layout:{path}"

    def size(self, digest: str) -> int | None:
        """Give the size of a blob; None where there is none."""
        try:
            return self._blob(digest).stat().st_size
        except OSError:
            return None

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Read a blob piece by piece."""
        path = self._blob(digest)
        if not path.is_file() or path.is_symlink():
            raise BadAddress(f"{self.told}/blobs/{digest}", "is not there, or not a regular file", "Push it again.")
        return chunks_of(path)

    def add(self, file: Path, digest: str, sent: Callable[[int], None]) -> None:
        """Keep a file as a blob, and tell the bytes sent."""
        with self._translated():
            target = self._blob(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            with writing(target) as part:
                shutil.copyfile(file, part)
                if digest_of(part) != digest:
                    raise BadArtifact(str(file), "changed while it was read")
        sent(file.stat().st_size)

    def tags(self) -> list[str]:
        """Give the tags there are."""
        return [tag for one in self._index()["manifests"] if isinstance(tag := _tag(one), str)]

    def artifact(self, tag: str) -> bytes | None:
        """Read the document of an artifact, at most a little more than is allowed; None where there is none."""
        for one in self._index()["manifests"]:
            if _tag(one) == tag:
                blob = self._blob(str(one.get("digest")))
                with suppress(FileNotFoundError), blob.open("rb") as file:  # where it is lost, a push brings it again
                    return file.read(LARGEST + 1)
        return None

    def set_artifact(self, tag: str, document: bytes) -> None:
        """Write the document of an artifact, and list it in the index; one after the other, where several do."""
        with self._translated(), self._alone():
            mark = f"sha256:{hashlib.sha256(document).hexdigest()}"
            write_bytes(self._blob(mark), document)
            listed = {"mediaType": MANIFEST_TYPE, "digest": mark, "size": len(document), "annotations": {NAME: tag}}
            index = self._index()
            index["manifests"] = [*(one for one in index["manifests"] if _tag(one) != tag), listed]
            write_bytes(self.path / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}\n')
            write_bytes(self.path / "index.json", json.dumps(index, indent=2).encode())

    def _blob(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise BadArtifact(self.told, f"names {digest[:100]!r}, which is no digest")
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def _index(self) -> dict[str, Any]:
        try:
            index = json.loads((self.path / "index.json").read_bytes())
            if isinstance(index["manifests"], list):
                return dict(index)
        except (FileNotFoundError, NotADirectoryError):
            return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            pass
        raise BadArtifact(self.told, "has a damaged index.json")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.path / ".lock").open("wb") as file:
            with suppress(OSError):  # a file system without locks: whoever pushes there at once is on their own
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BadAddress(self.told, f"cannot be written to: {error.strerror or error}", "Name another.") from error


def _tag(listed: Any) -> Any:
    notes = listed.get("annotations") if isinstance(listed, dict) else None
    return notes.get(NAME) if isinstance(notes, dict) else None
