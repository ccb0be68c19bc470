"""Experiments as artifacts: in a registry that follows OCI's distribution API, and in an image layout on disk."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from workbench.documents.experiment import write_manifest
from workbench.errors import BadAddress, BadArtifact, BadReference
from workbench.experiment import Experiment, Store, load, objects, resolve, verify
from workbench.experiment.sharing import patience
from workbench.workflow import pull, push

TABLE = b"tenure,Churn\n1,Yes\n2,No\n"
REGISTRY = shutil.which("docker-registry") or shutil.which("registry")
CONFIG = "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"


class Registry(BaseHTTPRequestHandler):
    """A small registry that asks for a token, and sends readers of blobs to another address."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.server.asked.append(f"{self.command} {parts.path}")
        given = self.headers.get("Authorization", "")
        if parts.path == "/token":
            login = base64.b64encode(b"me:hunter2-hunter2").decode()
            return self.answer(200, b'{"token": "t0ken"}') if given == f"Basic {login}" else self.answer(401)
        if parts.path.startswith("/elsewhere/"):
            assert not given  # the login is not for other addresses
            return self.answer(200, self.server.blobs[parts.path.rpartition("/")[2]])
        if given != "Bearer t0ken":
            place = f'Bearer realm="http://127.0.0.1:{self.server.server_port}/token",service="x",scope="y"'
            return self.answer(401, WWW_Authenticate=place)
        if self.server.broken:
            self.server.broken -= 1
            return self.answer(503)
        return self.serve(parts.path.removeprefix("/v2/team/experiments/"), parse_qs(parts.query), body)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 - the names http.server asks for

    def serve(self, place: str, query: dict[str, list[str]], body: bytes) -> None:
        blobs, tags = self.server.blobs, self.server.tags
        kind, _, name = place.partition("/")
        if self.command == "POST":
            return self.answer(202, Location="/v2/team/experiments/blobs/uploads/1?state=x")
        if place.startswith("blobs/uploads/"):
            [mark] = query["digest"]
            if mark != f"sha256:{hashlib.sha256(body).hexdigest()}":
                return self.answer(400, b'{"errors": [{"code": "DIGEST_INVALID", "message": "digest is wrong"}]}')
            blobs[mark] = body
            return self.answer(201)
        if kind == "blobs" and name in blobs:
            if self.command == "HEAD":
                return self.answer(200, Content_Length=str(len(blobs[name])))
            return self.answer(307, Location=f"http://localhost:{self.server.server_port}/elsewhere/{name}")
        if kind == "manifests" and self.command == "PUT":
            assert all(layer["digest"] in blobs for layer in json.loads(body)["layers"])
            tags[name] = body
            return self.answer(201)
        if kind == "manifests" and name in tags:
            return self.answer(200, tags[name])
        if place == "tags/list" and tags:
            return self.answer(200, json.dumps({"name": "team/experiments", "tags": list(tags)}).encode())
        return self.answer(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')

    def log_message(self, *args: object) -> None:
        """Be silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as served:
        served.blobs, served.tags, served.asked, served.broken, served.daemon_threads = {}, {}, [], 0, True
        served.block_on_close = False
        thread = threading.Thread(target=served.serve_forever, args=(0.05,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def small(server) -> str:
    return f"oci://me:hunter2-hunter2@127.0.0.1:{server.server_port}/team/experiments"


@pytest.fixture
def real(tmp_path, free_port, until_it_listens) -> Iterator[str]:
    if REGISTRY is None:
        pytest.skip("needs the registry of CNCF's distribution: apt install docker-registry")
    port = free_port()
    (tmp_path / "registry.yml").write_text(CONFIG.format(folder=tmp_path / "registry", port=port))
    process = subprocess.Popen(
        [REGISTRY, "serve", tmp_path / "registry.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until_it_listens(port)
        yield f"oci://127.0.0.1:{port}/team/experiments"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=["layout", "small", "real"])
def url(request, tmp_path) -> str:
    if request.param == "layout":
        return f"oci-layout:{tmp_path}/lay out"
    return request.getfixturevalue(request.param)


@pytest.fixture
def kept(keep, store) -> Experiment:
    one = keep(1, outputs={"my files/a b.csv": "1", "größe €.txt": "2", "empty.txt": ""})
    write_manifest(one.path, {**one.manifest, "objects": [table(store)]})
    return load(one.path)


def table(store: Store) -> dict[str, object]:
    return {"role": "data", "name": "customers.csv", **objects.keep_bytes(store, TABLE)}


@pytest.fixture
def elsewhere(tmp_path) -> Store:
    return Store(tmp_path / "elsewhere")


def test_what_is_pushed_is_pulled_as_the_same_experiment(kept, store, url, elsewhere, snapshot):
    moved = push("churn", url, store=store.path)
    assert 0 < moved.files <= len(kept.manifest["files"]) + 2  # of two that are the same only one travels
    assert push("churn", url, store=store.path).files == 0
    pull(url, "churn", store=elsewhere.path)
    found = resolve("churn", elsewhere)
    assert snapshot(found.path) == snapshot(kept.path)
    assert objects.missing(elsewhere, found.manifest) == []


def test_a_batch_takes_its_runs_along(keep, store, url, elsewhere):
    runs = [keep(number, name="farm") for number in (5, 6)]
    batch = keep(7, name="farms")
    refs = [str(run.reference) for run in runs]
    write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": refs})
    push("farms", url, store=store.path)
    pull(url, "farms", store=elsewhere.path)
    assert [verify(resolve(ref, elsewhere)) for ref in (*refs, "farms")] == [[]] * 3
    assert pull(url, "farm@" + runs[0].version[-8:], store=elsewhere.path).files == 0
    with pytest.raises(BadReference, match="There are: farm, farms"):
        pull(url, "churn", store=elsewhere.path)


def test_a_tag_holds_one_experiment_for_good(kept, keep, store, url, elsewhere):
    other = keep(2)
    push(kept.short, f"{url}:best", store=store.path)
    with pytest.raises(BadArtifact, match=f"holds {kept.reference}. Name another tag"):
        push(other.short, f"{url}:best", store=store.path)
    pull(f"{url}:best", "churn", store=elsewhere.path)
    assert resolve("churn", elsewhere).reference == kept.reference


def test_a_batch_is_no_single_tag(keep, store, url):
    batch = keep(7, name="farms")
    children = [str(keep(6, name="farm").reference)]
    write_manifest(batch.path, {**batch.manifest, "kind": "batch", "children": children})
    with pytest.raises(BadAddress, match="names the tag best for 2 experiments"):
        push("farms", f"{url}:best", store=store.path)
    push("farms", url, store=store.path)  # nothing is there that would be in the way


def test_what_two_experiments_share_is_there_once(kept, keep, store, server, small):
    other = keep(4, outputs={"my files/a b.csv": "1"})
    write_manifest(other.path, {**other.manifest, "objects": [table(store)]})
    push(kept.short, small, store=store.path)
    before = set(server.blobs)
    push(other.short, small, store=store.path)
    again = {one["digest"] for one in other.manifest["files"]} & before
    assert again
    assert server.asked.count("POST /v2/team/experiments/blobs/uploads/") == len(server.blobs)


def test_the_artifact_is_written_last_and_is_a_model_of_modelpack(kept, store, server, small):
    push("churn", small, store=store.path)
    assert server.asked[-1] == f"PUT /v2/team/experiments/manifests/churn-{kept.version}"
    [document] = map(json.loads, server.tags.values())
    assert document["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    config = json.loads(server.blobs[document["config"]["digest"]])
    assert set(config) == {"descriptor", "config", "modelfs"}
    assert config["modelfs"]["diffIds"] == [layer["digest"] for layer in document["layers"]]
    kinds = {layer["annotations"]["org.cncf.model.filepath"]: layer["mediaType"] for layer in document["layers"]}
    place = f"experiments/churn/{kept.version}"
    assert kinds[f"{place}/model/model.skops"] == "application/vnd.cncf.model.weight.v1.raw"
    assert kinds[f"{place}/template.ipynb"] == "application/vnd.cncf.model.code.v1.raw"
    assert [kind for name, kind in kinds.items() if name.startswith("objects/")] == [
        "application/vnd.cncf.model.dataset.v1.raw"
    ]


def test_a_layout_is_one_by_the_letter_of_its_specification(kept, store, tmp_path):
    push("churn", f"oci-layout:{tmp_path}/layout", store=store.path)
    layout = tmp_path / "layout"
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    [listed] = json.loads((layout / "index.json").read_text())["manifests"]
    assert listed["annotations"]["org.opencontainers.image.ref.name"] == f"churn-{kept.version}"
    document = json.loads((layout / "blobs" / listed["digest"].replace(":", "/")).read_bytes())
    for one in (listed, document["config"], *document["layers"]):
        content = (layout / "blobs" / one["digest"].replace(":", "/")).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["size"], one["digest"][7:])


def test_a_layout_that_lost_its_document_is_mended_by_a_push(kept, store, tmp_path, elsewhere):
    layout = f"oci-layout:{tmp_path}/layout"
    push("churn", layout, store=store.path)
    [listed] = json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]
    (tmp_path / "layout" / "blobs" / listed["digest"].replace(":", "/")).unlink()
    with pytest.raises(BadReference, match="matches no experiment"):
        pull(layout, "churn", store=elsewhere.path)
    push("churn", layout, store=store.path)
    assert pull(layout, "churn", store=elsewhere.path).references == [kept.reference]


def test_a_push_that_was_broken_off_goes_on_with_what_is_missing(kept, store, server, small, elsewhere, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", ())
    serve = Registry.serve

    def serve_some(self, place, query, body):
        if self.command == "PUT" and len(self.server.blobs) >= 9:
            return self.answer(503)
        return serve(self, place, query, body)

    with monkeypatch.context() as broken:
        broken.setattr(Registry, "serve", serve_some)
        with pytest.raises(BadAddress, match="the registry answered 503"):
            push("churn", small, store=store.path)
    with pytest.raises(BadReference):
        pull(small, "churn", store=elsewhere.path)
    had = set(server.blobs)
    assert had
    server.asked.clear()
    moved = push("churn", small, store=store.path)
    assert 0 < moved.files <= len(server.blobs) - len(had)
    assert server.asked.count("POST /v2/team/experiments/blobs/uploads/") == len(server.blobs) - len(had)
    pull(small, "churn", store=elsewhere.path)
    assert verify(resolve("churn", elsewhere)) == []


def test_pushes_of_the_same_at_once_all_end_well(kept, keep, store, url, elsewhere):
    keep(2, name="farm")
    ends: list[object] = []
    refs = ["churn", "churn", "farm", "farm"]
    threads = [threading.Thread(target=lambda ref=ref: ends.append(push(ref, url, store=store.path))) for ref in refs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 4
    for ref in ("churn", "farm"):
        pull(url, ref, store=elsewhere.path)
        assert verify(resolve(ref, elsewhere)) == []


def test_a_registry_that_fails_for_a_moment_is_asked_again(kept, store, server, small, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))
    server.broken = 2
    assert push("churn", small, store=store.path).files > 0


def forge(server, change) -> None:
    [(tag, document)] = server.tags.items()
    changed = change(json.loads(document))
    server.tags[tag] = changed if isinstance(changed, bytes) else json.dumps(changed).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda document: b"",
        lambda document: b"[]",
        lambda document: b"[" * 100_000,
        lambda document: b" " * 2**23,
        lambda document: {**document, "layers": "none"},
        lambda document: {**document, "layers": [{**document["layers"][0], "digest": "sha256:../../x"}]},
        lambda document: {**document, "layers": [{**document["layers"][0], "size": "1"}]},
        lambda document: {**document, "layers": document["layers"][:-3]},
        lambda document: {**document, "annotations": None},
    ],
)
def test_an_artifact_that_lies_leaves_the_store_as_it_was(kept, store, server, small, elsewhere, snapshot, change):
    push("churn", small, store=store.path)
    forge(server, change)
    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises((BadArtifact, BadAddress)) as refused:
        pull(small, kept.short, store=elsewhere.path)
    assert len(str(refused.value).splitlines()) == 1
    assert "hunter2" not in str(refused.value)
    assert snapshot(elsewhere.path) == before


def test_a_damaged_layer_is_named(kept, store, server, small, elsewhere, snapshot):
    push("churn", small, store=store.path)
    [mark] = [one["digest"] for one in kept.manifest["files"] if one["name"] == "scores.json"]
    server.blobs[mark] = b"x" * len(server.blobs[mark])
    elsewhere.create()
    before = snapshot(elsewhere.path)
    with pytest.raises(BadArtifact, match=r"scores\.json' is not what was pushed"):
        pull(small, "churn", store=elsewhere.path)
    assert snapshot(elsewhere.path) == before


@pytest.mark.parametrize("change", [("me:hunter2-hunter2@", ""), ("hunter2-hunter2", "wrong-wrong")])
def test_a_login_that_is_wrong_or_missing_is_told_in_one_line(kept, store, small, change, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(BadAddress, match=r"may not be read .*401") as refused:
        push("churn", small.replace(*change), store=store.path)
    assert not re.search("hunter2|wrong-wrong", str(refused.value))
    assert len(str(refused.value).splitlines()) == 1


def test_a_login_of_docker_is_used(kept, store, server, small, monkeypatch, tmp_path):
    login = base64.b64encode(b"me:hunter2-hunter2").decode()
    known = {"auths": {f"127.0.0.1:{server.server_port}": {"auth": login}}}
    (tmp_path / "config.json").write_text(json.dumps(known))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert push("churn", small.replace("me:hunter2-hunter2@", ""), store=store.path).files > 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("oci://127.0.0.1:9/team/experiments", "refuses the connection"),
        ("oci://127.0.0.1:9", "is no repository"),
        ("oci://127.0.0.1:9/Team/../x", "is no repository"),
        ("oci-layout:/dev/null/x", "cannot be written to"),
        ("oci-layout:", "names no folder"),
        ("oci://[x/y", "is no repository"),
        ("", "is empty"),
        ("s3:/bucket/x", "is no folder and no URL. Write it s3://"),
        ("oci://***@127.0.0.1:9/team/x", "had its user and password taken out"),
    ],
)
def test_an_address_of_no_use_is_refused_in_one_line(kept, store, url, told, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", ())
    with pytest.raises(BadAddress, match=told) as refused:
        push("churn", url, store=store.path)
    assert len(str(refused.value).splitlines()) == 1
