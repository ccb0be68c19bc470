"""What the manifests of a store say, gathered in one file, so that very many are looked through quickly.

Only the folders count. A line is believed while the manifest it was taken from has the same time and size; what is
missing or damaged is read again from its folder. So the file may be deleted at any time, and several processes may add
to it at once: each adds whole lines at its end, of which the last about an experiment holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from workbench.documents.experiment import FIELDS, MANIFEST, Manifest
from workbench.documents.files import write_bytes
from workbench.errors import BadArtifact
from workbench.experiment.kept import load
from workbench.experiment.store import Store
from workbench.records import Reference

NAME = "summaries-1.jsonl"  # the number is raised with the form of a line: ref, time, size, summary
SLACK = 1000  # lines that no longer hold; when there are more, and more than the others, all are written anew


def summaries(store: Store) -> Iterator[Manifest]:
    """Give the manifest of every kept experiment, without its files and all scores but the one searched by.

    Damaged ones are left out.
    """
    file = store.path / "index" / NAME
    lines, number = _read(file)
    live: dict[bytes, bytes] = {}
    fresh: list[bytes] = []
    for name in store.names():
        for version in store.versions(name):
            reference = Reference(name, version)
            key = str(reference).encode()
            stamp = _stamp(store, name, version)
            line = lines.get(key, b"")
            manifest = _told(line, stamp)
            if manifest is None:
                try:
                    manifest = summary(load(store.folder(reference)).manifest)
                except BadArtifact:
                    continue
                line = b" ".join((key, stamp, json.dumps(manifest, separators=(",", ":")).encode())) + b"\n"
                fresh.append(line)
            live[key] = line
            yield manifest
    with suppress(OSError):  # a store that others look at need not be one that can be written to
        _keep(file, fresh, live.values(), outdated=number + len(fresh) - len(live))


def summary(manifest: Manifest) -> Manifest:
    """Leave out of a manifest what makes it long; what stays is a manifest, too."""
    told = {field: manifest[field] for field in FIELDS}
    scores = {name: score for name, score in manifest["scores"].items() if name == manifest["metric"]}
    return told | {"scores": scores, "files": [], "objects": []}


def _read(file: Path) -> tuple[dict[bytes, bytes], int]:
    """Give the last line about each experiment, and how many lines there are."""
    lines: dict[bytes, bytes] = {}
    number = 0
    with suppress(OSError), file.open("rb") as opened:
        for number, line in enumerate(opened, start=1):  # noqa: B007 - it is their number in the end
            lines[line.partition(b" ")[0]] = line
    return lines, number


def _stamp(store: Store, name: str, version: str) -> bytes:
    """Tell one state of a manifest from another; empty when there is none."""
    try:
        found = os.stat(f"{store.path}/experiments/{name}/{version}/{MANIFEST}")  # noqa: PTH116 - twice as fast as Path
    except OSError:
        return b""
    return b"%d %d" % (found.st_mtime_ns, found.st_size)


def _told(line: bytes, stamp: bytes) -> Manifest | None:
    """Read the summary in a line that was made from this state of the manifest."""
    parts = line.split(b" ", 3)
    if len(parts) < 4 or b" ".join(parts[1:3]) != stamp:
        return None
    try:
        manifest = json.loads(parts[3])
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def _keep(file: Path, fresh: list[bytes], live: Collection[bytes], outdated: int) -> None:
    anew = outdated > max(SLACK, len(live))
    if anew or fresh:
        file.parent.mkdir(exist_ok=True)
    if anew:
        write_bytes(file, b"".join(live))
    elif fresh:
        with file.open("ab", buffering=0) as opened:
            opened.write(b"".join(fresh))
