"""What every document needs: whole-file writes that are never seen half done, and digests."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import BadArtifact

FORMAT = 1  # of every document; whoever changes a form raises it, and adds a reader that lifts the older one
# What reading a document stumbles over that is not of the form it should be, whoever wrote it.
MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
READABLE = (0, 1)  # 0 has the same form: what was written before it was frozen


def write_json(path: Path, document: Any) -> None:
    """Write `document` as readable JSON, in one rename."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode("utf-8", "backslashreplace"))  # a lone surrogate becomes \udc80: JSON's own escape


def read_json(path: Path) -> Any:
    """Read one JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file in one rename, so that a reader sees the old content or the new, never a part."""
    with writing(path) as part:
        part.write_bytes(content)


def insist_on_format(form: Any, which: str, said: str = "is") -> None:
    """Refuse a document whose format this version does not read; `which` and `said` begin the sentence.

    Raises
    ------
    BadArtifact
        Naming the format, and those that are read.
    """
    if type(form) is not int or form not in READABLE:  # JSON's true is no 1
        known = " and ".join(map(str, READABLE))
        raise BadArtifact(which, f"{said} of format {form!r:.20}; this workbench reads {known}", "Upgrade it.")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; put it in place when the block ends without an error."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield Path(part)
        Path(part).chmod(0o644)  # mkstemp makes it private; a shared store is read by colleagues
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as ``sha256:<hex>``."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
