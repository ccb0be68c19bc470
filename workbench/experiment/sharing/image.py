"""A repository of images (OCI) as a place for experiments: each is one artifact, each of its files is one layer.

A layer is known by its digest: what two experiments share is there once, and what a broken push left is whole. The
artifact is written last, under a tag, so that half an experiment is none. Its layers have the names the files have in a
store, so that any tool that unpacks it makes one; kinds and configuration are those of CNCF's ModelPack.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from workbench.documents.experiment import DIGEST, MANIFEST, VERSION, Manifest, read_manifest, reference_of
from workbench.documents.files import digest as digest_of
from workbench.errors import BadArtifact
from workbench.experiment.sharing.remote import EXPERIMENTS, place_of, place_of_object
from workbench.records import Reference

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MODEL = "application/vnd.cncf.model."  # https://github.com/modelpack/model-spec
TITLE, FILE, REF = "org.opencontainers.image.title", "org.cncf.model.filepath", "workbench.experiment.ref"
LARGEST = 4 * 2**20  # bytes of an artifact's own document: more is taken by no registry
TAG = re.compile(rf"(?P<name>[a-z0-9][a-z0-9._-]{{0,63}})-(?P<version>{VERSION.pattern})", re.ASCII)
Descriptor = dict[str, Any]


class Blobs(Protocol):
    """Where blobs are kept by digest, and artifacts by tag."""

    @property
    def told(self) -> str:
        """The URL, without what is secret in it."""

    @property
    def workers(self) -> int:
        """How many blobs may be on their way at a time."""

    def size(self, digest: str) -> int | None:
        """Give the size of a blob; None where there is none."""

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Read a blob piece by piece."""

    def add(self, file: Path, digest: str, sent: Callable[[int], None]) -> None:
        """Keep a file as a blob, and tell the bytes sent."""

    def tags(self) -> list[str]:
        """Give the tags there are."""

    def artifact(self, tag: str) -> bytes | None:
        """Read the document of an artifact, at most a little more than `LARGEST`; None where there is none."""

    def set_artifact(self, tag: str, document: bytes) -> None:
        """Write the document of an artifact."""


class Image:
    """A repository of images, seen as files with the names of a store."""

    def __init__(self, blobs: Blobs, tag: str | None = None) -> None:
        self._blobs, self.tag = blobs, tag
        self._known: dict[str, tuple[str, dict[str, Descriptor]]] = {}
        self.told, self.workers = blobs.told, blobs.workers

    def folders(self, name: str) -> list[str]:
        """Give the names of experiments, or the versions of one."""
        found = [Reference.parse(ref) for ref in self._references()]
        if name == EXPERIMENTS:
            return sorted({one.name for one in found})
        return sorted(one.version for one in found if f"{EXPERIMENTS}/{one.name}" == name)

    def sizes(self, name: str) -> dict[str, int]:
        """Give the size of every file of an experiment."""
        layers = self._layers(name)
        return {title[len(name) + 1 :]: one["size"] for title, one in layers.items() if title.startswith(f"{name}/")}

    def size(self, name: str) -> int | None:
        """Give the size of one file; None where there is none."""
        if (mark := _mark_in(name)) is not None:
            return self._blobs.size(mark)
        layer = self._layers(name.rpartition("/")[0]).get(name)
        return None if layer is None else int(layer["size"])

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece."""
        mark = _mark_in(name)
        if mark is None:
            mark = self._layers("/".join(name.split("/")[:3]))[name]["digest"]
        return self._blobs.chunks(mark)

    def put(self, file: Path, name: str, sent: Callable[[int], None]) -> bool:
        """Write a file as a layer, if it is not there; the manifest of an experiment also writes its artifact."""
        mark, is_new = self._add(file, sent)
        if name.rpartition("/")[2] == MANIFEST and name.count("/") == 3:
            own = {"name": MANIFEST, "digest": mark, "size": file.stat().st_size}
            self._finish(read_manifest(file.parent), own)
        return is_new

    def _add(self, file: Path, sent: Callable[[int], None]) -> tuple[str, bool]:
        mark, size = digest_of(file), file.stat().st_size
        if self._blobs.size(mark) == size:
            sent(size)
            return mark, False
        self._blobs.add(file, mark, sent)
        return mark, True

    def _finish(self, manifest: Manifest, own: Descriptor) -> None:
        """Write the artifact of an experiment whose files are all there, with those of its objects that are."""
        reference = reference_of(manifest)
        place = place_of(reference)
        there = {one["digest"]: one for one in manifest["objects"] if self._blobs.size(one["digest"]) is not None}
        layers = [_layer(f"{place}/{one['name']}", one["digest"], one["size"]) for one in (own, *manifest["files"])]
        layers += [_layer(place_of_object(mark), mark, one["size"]) for mark, one in there.items()]
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.json"
            config.write_bytes(_encoded(_config(manifest, layers)))
            mark, _ = self._add(config, lambda _: None)
            size = config.stat().st_size
            described = {"mediaType": f"{MODEL}config.v1+json", "digest": mark, "size": size}
        document = _encoded(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "artifactType": f"{MODEL}manifest.v1+json",
                "config": described,
                "layers": layers,
                "annotations": {REF: str(reference), "org.opencontainers.image.created": manifest["started"]},
            }
        )
        if len(document) > LARGEST:
            raise BadArtifact(str(reference), f"has too many files for one artifact ({len(layers):,})")
        self._blobs.set_artifact(self.tag or _tag_of(reference), document)

    def _references(self) -> list[str]:
        if self.tag is None:
            found = [TAG.fullmatch(tag) for tag in self._blobs.tags()]
            return [f"{one['name']}@{one['version']}" for one in found if one is not None]
        artifact = self._artifact(self.tag)
        return [] if artifact is None else [artifact[0]]

    def _layers(self, place: str) -> dict[str, Descriptor]:
        """Give the layers of an experiment's artifact by the names of their files; none where it is not there.

        Raises
        ------
        BadArtifact
            If the tag that was given is another experiment's.
        """
        _, name, version = place.split("/")[:3]
        tag = self.tag or _tag_of(Reference(name, version))
        artifact = self._artifact(tag)
        if artifact is None:
            return {}
        if artifact[0] != f"{name}@{version}":
            raise BadArtifact(f"{self.told}:{tag}", f"holds {artifact[0]}", "Name another tag, or none.")
        return artifact[1]

    def _artifact(self, tag: str) -> tuple[str, dict[str, Descriptor]] | None:
        """Read the experiment an artifact holds, and its layers; once, for it never changes while a command lasts."""
        if tag not in self._known:
            document = self._blobs.artifact(tag)
            if document is None:
                return None
            self._known[tag] = _read(document, f"{self.told}:{tag}")
        return self._known[tag]


def _read(document: bytes, told: str) -> tuple[str, dict[str, Descriptor]]:
    try:
        parsed = json.loads(document) if len(document) <= LARGEST else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise BadArtifact(told, "is damaged: its document is not JSON, or too large")
    layers, notes = parsed.get("layers"), parsed.get("annotations")
    ref = notes.get(REF) if isinstance(notes, dict) else None
    if not isinstance(ref, str) or not isinstance(layers, list) or not all(map(_is_layer, layers)):
        raise BadArtifact(told, "holds no experiment")
    return ref, {one["annotations"][TITLE]: one for one in layers}


def _is_layer(layer: Any) -> bool:
    return (
        isinstance(layer, dict)
        and isinstance(layer.get("digest"), str)
        and bool(DIGEST.fullmatch(layer["digest"]))
        and isinstance(layer.get("size"), int)
        and isinstance(layer.get("annotations"), dict)
        and isinstance(layer["annotations"].get(TITLE), str)
    )


def _layer(name: str, mark: str, size: int) -> Descriptor:
    return {
        "mediaType": f"{MODEL}{_kind(name)}.v1.raw",
        "digest": mark,
        "size": size,
        "annotations": {TITLE: name, FILE: name},
    }


def _kind(name: str) -> str:
    """Give ModelPack's word for what a file is."""
    inside = name.split("/")[3:]
    if name.startswith("objects/") or name.endswith((".parquet", ".csv")):
        return "dataset"
    if inside[0] == "model":
        return "weight" if name.endswith(".skops") else "weight.config"
    return "code" if name.endswith((".ipynb", ".py")) else "doc"


def _config(manifest: Manifest, layers: list[Descriptor]) -> dict[str, Any]:
    reference = reference_of(manifest)
    about = {"name": reference.name, "version": reference.version, "createdAt": manifest["started"]}
    return {
        "descriptor": {**about, "authors": [manifest["author"]]},
        "config": {"format": "skops"},
        "modelfs": {"type": "layers", "diffIds": [one["digest"] for one in layers]},
    }


def _encoded(document: Any) -> bytes:
    """Write JSON that is the same bytes for the same content: two that push the same make the same artifact."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _tag_of(reference: Reference) -> str:
    return f"{reference.name}-{reference.version}"


def _mark_in(name: str) -> str | None:
    """Give the digest an object's file is named by; None of what is none."""
    mark = f"sha256:{name.rpartition('/')[2]}"
    return mark if name.startswith("objects/") and DIGEST.fullmatch(mark) else None
