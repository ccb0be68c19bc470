from __future__ import annotations

import base64
import hashlib
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from workbench.dataset import fetch, read_table
from workbench.errors import BadTable, UnknownName, WorkbenchError
from workbench.workflow import run

CSV = b"farm,power\n01,3.5\n02,4.5\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        told = self.headers.get("Authorization", "")
        if self.path.startswith("/private") and told != "Basic " + base64.b64encode(b"me:hunter2").decode():
            self.send_error(401)
        elif self.path.startswith(("/table.csv", "/private")):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CSV)
        elif self.path == "/slow":
            time.sleep(1.0)
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
        elif self.path != "/cut":
            self.send_error(404 if self.path == "/none.csv" else 500)

    def log_message(self, *args):
        """Be silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.asked = []
        served.place = f"127.0.0.1:{served.server_port}"
        thread = threading.Thread(target=served.serve_forever, args=(0.05,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table customers (id integer, name text, spent real, mixed)")
        connection.execute("create view rich as select name, spent from customers where spent > 1")
        connection.execute("insert into customers values (1, '007', 0.5, 1), (2, null, 2, 'two'), (null, 'c', 3, null)")
    connection.close()
    return f"sqlite:///{path}"


def test_a_table_is_read_from_the_web(server):
    source = f"http://{server.place}/table.csv"
    dataset = read_table(source)
    assert list(dataset.frame["farm"]) == ["01", "02"]
    assert dataset.source == source
    assert dataset.digest == f"sha256:{hashlib.sha256(CSV).hexdigest()}"


def test_user_and_password_of_an_address_are_used_and_not_told(server):
    dataset = read_table(f"http://me:hunter2@{server.place}/private.csv")
    assert len(dataset.frame) == 2
    assert dataset.source == f"http://***@{server.place}/private.csv"
    with pytest.raises(BadTable, match=r"may not be read .*401") as caught:
        fetch(f"http://me:wrong-one@{server.place}/private.csv")
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize(("path", "told"), [("/none.csv", "does not exist"), ("/broken", "the server answered 500")])
def test_what_the_web_does_not_give_is_refused_in_one_line(server, path, told):
    with pytest.raises(BadTable, match=told) as caught:
        fetch(f"http://{server.place}{path}")
    assert "\n" not in str(caught.value)


NOBODY = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            f"http://me:hunter2@{NOBODY}/x.csv",
            "cannot be reached: its server refuses the connection. Look at the address",
        ),
        ("http://me:hunter2@{place}/slow", "cannot be reached: its server does not answer"),
        ("http://me:hunter2@{place}/cut", "cannot be read: its server broke the connection off"),
        ("http://me:hunter2@{place}/round", "cannot be reached: its server sends from one address to the next"),
        ("https://me:hunter2@{place}/x.csv", "cannot be reached: no encrypted connection comes about"),
        ("http://me:hunter2@farms..example/x.csv", "is no address that a server can have"),
        ("http://me:hunter2@farms.example/x.csv", "cannot be reached: no server of that name is known here"),
    ],
)
def test_an_address_that_nothing_comes_from_is_told_in_plain_words(server, monkeypatch, address, told):
    def unknown(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(sys.modules[fetch.__module__], "SECONDS", (5, 0.3))
    if address.startswith("http://me:hunter2@farms."):
        monkeypatch.setattr("socket.getaddrinfo", unknown)
    assert_plain(address.format(place=server.place), told)


def test_a_proxy_that_is_not_there_is_told_as_such(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://me:hunter2@{NOBODY}")
    assert_plain("http://farms.example/x.csv", "cannot be reached: the proxy cannot be used")


def assert_plain(address, told):
    """One line of ours: no password, and nothing of the insides of libraries."""
    with pytest.raises(BadTable) as caught:
        fetch(address)
    text = str(caught.value)
    assert told in text
    assert not any(word in text for word in ("hunter2", "\n", "object at", "Pool", "Error", "Errno", "urllib3"))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_table_is_read_from_any_file_system(tmp_path, scheme):
    place = f"{scheme}://{tmp_path}/table.csv"
    with fsspec.open(place, "wb") as file:
        file.write(CSV)
    assert fetch(place).content == CSV
    assert fetch(place).name == "table.csv"
    with pytest.raises(BadTable, match="does not exist"):
        fetch(f"{scheme}://{tmp_path}/none.csv")
    with pytest.raises(BadTable, match="is a folder"):
        fetch(f"{scheme}://{tmp_path}")


def test_a_table_is_read_from_a_bucket():
    pytest.importorskip("s3fs", reason="needs the group s3: uv sync --group s3")
    server = pytest.importorskip("moto.server", reason="needs the group s3: uv sync --group s3")
    served = server.ThreadedMotoServer(port=0)
    served.start()
    try:
        host, port = served.get_host_and_port()
        options = {"endpoint_url": f"http://{host}:{port}", "key": "a", "secret": "b"}
        fsspec.config.conf["s3"] = options
        system = fsspec.filesystem("s3", **options)
        system.mkdir("bucket")
        system.pipe_file("bucket/deep/table.csv", CSV)
        assert len(read_table("s3://bucket/deep/table.csv").frame) == 2
        with pytest.raises(BadTable, match="does not exist"):
            fetch("s3://bucket/none.csv")
    finally:
        fsspec.config.conf.pop("s3", None)
        served.stop()


def test_a_table_of_a_database_keeps_its_types(database):
    frame = read_table(f"{database}#customers").frame
    assert list(frame.columns) == ["id", "name", "spent", "mixed"]
    assert frame["name"].tolist()[0] == "007"
    assert frame["name"].isna().tolist() == [False, True, False]
    assert frame["id"].dropna().tolist() == [1, 2]
    assert frame["spent"].tolist() == [0.5, 2.0, 3.0]
    assert frame["mixed"].dropna().tolist() == ["1", "two"]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("rich", 2),
        ("select name from customers where name like 'c%'", 1),
        ("WITH a AS (SELECT 1 AS x) SELECT * FROM a", 1),
        ("select name, ':not a parameter' as note from customers", 3),
    ],
)
def test_a_view_or_a_query_is_a_table(database, asked, rows):
    assert len(read_table(f"{database}#{asked}").frame) == rows


@pytest.mark.parametrize(
    ("asked", "kind", "told"),
    [
        ("#custmers", UnknownName, "Did you mean 'customers'"),
        ("", BadTable, "names a database, and no table in it"),
        ("#select colour from customers", BadTable, "no such column: colour"),
        ("#select name, name from customers", BadTable, "two columns called 'name'"),
        ("#delete from customers", UnknownName, "There is no table 'delete from customers'"),
    ],
)
def test_what_a_database_does_not_give_is_refused_in_one_line(database, asked, kind, told):
    with pytest.raises(kind, match=told) as caught:
        fetch(f"{database}{asked}")
    assert "\n" not in str(caught.value)
    assert len(read_table(f"{database}#customers").frame) == 3


def test_a_query_changes_nothing(database):
    with pytest.raises(WorkbenchError):
        fetch(f"{database}#with a as (select 1) delete from customers")
    assert len(read_table(f"{database}#customers").frame) == 3


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("sqlite:////no/such/file.db#t", "a database file that does not exist"),
        ("nonsense://host/x", r"an address of an unknown kind \(nonsense://\)"),
        ("postgres://me:hunter2@host/db#t", "Did you mean postgresql://"),
        ("mysql://me:hunter2@host/db#t", "needs a package that is not installed"),
        ("https://***@host/x.csv", r"Give them again in place of \*\*\*"),
    ],
)
def test_an_address_of_no_use_is_refused_in_one_line_without_its_password(source, told):
    with pytest.raises(BadTable, match=told) as caught:
        fetch(source)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_system_names_the_extra_that_brings_it():
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        with pytest.raises(BadTable, match=r'pip install "notebook-workbench\[gcs\]"'):
            fetch("gs://bucket/x.csv")
    else:
        pytest.skip("gcsfs is installed")


def test_a_run_fetches_a_table_once_and_its_notebook_reads_the_copy(server, tmp_path):
    notebook = new_notebook(
        cells=[
            new_code_cell("from workbench import Table\ndata: Table", metadata={"tags": ["parameters"]}),
            new_code_cell(
                "import workbench as wb, pandas as pd\n"
                "table = wb.read_table(data)\n"
                "print('read', len(table.frame), len(pd.read_csv(data)), table.source, table.digest)"
            ),
        ]
    )
    nbformat.write(notebook, tmp_path / "reads.ipynb")
    source = f"http://me:hunter2@{server.place}/private.csv"
    done = run(tmp_path / "reads.ipynb", data=source, store=tmp_path / "store")
    assert done.status == "completed", done.reason
    assert server.asked == ["/private.csv"]
    text = (done.path / "notebook.ipynb").read_text()
    told = f"read 2 2 http://***@{server.place}/private.csv sha256:{hashlib.sha256(CSV).hexdigest()}"
    assert told in text
    kept = [path for path in done.path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]
    assert f'"http://***@{server.place}/private.csv"' in (done.path / "parameters.json").read_text()
