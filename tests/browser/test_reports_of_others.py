"""An imported experiment's report is somebody else's page: opened in a browser, nothing planted in it runs or loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from workbench.documents.experiment import seal
from workbench.documents.files import write_json

PLANTED = """<script>document.title = 'taken'</script>
<script src="{there}/a.js"></script>
<img src="x" onerror="document.title = 'taken'"><img src="{there}/pixel.png">
<svg onload="document.title = 'taken'"><script>document.title = 'taken'</script></svg>
<svg><a xlink:href="javascript:document.title='taken'"><text x="20" y="20">follow</text></a></svg>
<iframe src="{there}/frame.html"></iframe>
<iframe srcdoc="<script>parent.document.title = 'taken'</script>"></iframe>
<object data="{there}/object.html"></object><embed src="{there}/embed.html">
<link rel="stylesheet" href="{there}/a.css"><link rel="prefetch" href="{there}/next.html">
<meta http-equiv="refresh" content="0;url={there}/refresh.html">
<style>@import url({there}/b.css); body {{ background: url({there}/c.png) }} @font-face {{ font-family: f;
src: url({there}/f.woff) }} p {{ font-family: f }}</style>
<p style="background: url({there}/d.png)">the words of the report</p>
<form action="{there}/form"><input name="a" value="b"><button>press</button></form>
<video src="{there}/v.mp4" autoplay></video><audio src="{there}/a.mp3" autoplay></audio>
<a href="javascript:document.title='taken'">follow</a> <a href="data:text/html,<script>alert(1)</script>">follow</a>
<a href="outputs/evil.html">follow</a> <details open ontoggle="document.title = 'taken'">open</details>
<math><mi xlink:href="javascript:document.title='taken'">follow</mi></math>
<div style="position:fixed; top:0; left:0; width:100%; height:100%">cover</div>"""


class Listener(BaseHTTPRequestHandler):
    """Writes down who asks."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name the server looks for

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def there() -> Any:
    """A server that would be asked if anything were loaded or sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever)
    thread.start()
    Listener.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def forged(folder: Path, files: dict[str, str]) -> None:
    """Write files into an experiment and seal it again, as whoever sends one may."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = [
        {
            "name": path.relative_to(folder).as_posix(),
            "digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            "size": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    ]
    manifest["digest"] = seal(manifest)
    write_json(folder / "manifest.json", manifest)


def bare(planted: str, _: str) -> str:
    return f"<html><head><title>Report</title></head><body>{planted}</body></html>"


def inside_ours(planted: str, ours: str) -> str:
    """A page that begins with our policy, as ours do, and goes on otherwise."""
    return ours.replace("</main>", f"{planted}</main>")


def before_the_policy(planted: str, ours: str) -> str:
    return ours.replace("<head>", f"<head>{planted}", 1)


@pytest.mark.parametrize("page", [bare, inside_ours, before_the_policy])
def test_nothing_planted_in_an_imported_report_runs_loads_or_is_sent(
    page: Callable[[str, str], str], pages: Any, visit: Callable, there: str, tmp_path: Path, workbench: Callable
) -> None:
    import shutil

    from workbench import workflow

    sent = tmp_path / "sent" / "experiments" / "churn" / pages.report.parent.name
    shutil.copytree(pages.report.parent, sent)
    evil = f"<script>fetch('{there}/evil')</script>"
    forged(
        sent, {"report.html": page(PLANTED.format(there=there), pages.report.read_text()), "outputs/evil.html": evil}
    )
    archive = workflow.export(str(sent), tmp_path / "sent.zip", store=tmp_path / "sent")
    assert workbench("import", archive, "--store", tmp_path / "store").code == 0
    said = workbench("open", "churn", "--store", tmp_path / "store")
    assert said.code == 0, said.err
    shown = Path(said.out.strip())

    opened = visit(shown)
    title = opened.page.title()
    opened.page.on("dialog", lambda dialog: opened.complaints.append("dialog") or dialog.dismiss())
    for thing in opened.page.locator(":is(a, button, input, summary):visible").all():
        if not (thing.get_attribute("href") or "").startswith(("#", "http")):
            thing.click(no_wait_after=True, force=True)
    opened.page.wait_for_timeout(500)  # what would run or load would have begun by now
    assert opened.page.url == shown.as_uri()
    assert (opened.page.title(), "dialog" in opened.complaints) == (title, False)
    assert opened.requests == [shown.as_uri()]
    assert Listener.asked == []
    assert opened.page.get_by_text("the words of the report").is_visible()
    assert opened.page.evaluate("document.scripts.length + document.forms.length + window.frames.length") == 0
    assert workbench("verify", "churn", "--store", tmp_path / "store").code == 0  # the experiment is what was sent


def test_a_report_of_our_own_is_opened_where_it_lies(pages: Any, workbench: Callable) -> None:
    store = pages.report.parents[3]
    said = workbench("open", "churn", "--store", store)
    assert Path(said.out.strip()) == pages.report


def test_what_is_opened_of_a_zip_lasts(pages: Any, workbench: Callable, tmp_path: Path) -> None:
    store = pages.report.parents[3]
    assert workbench("export", "churn", tmp_path / "churn.zip", "--store", store).code == 0
    said = workbench("open", tmp_path / "churn.zip", "--store", tmp_path / "mine")
    shown = Path(said.out.strip())
    assert shown.read_bytes() == pages.report.read_bytes()
    assert shown.is_relative_to(tmp_path / "mine")
