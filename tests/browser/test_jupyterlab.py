"""A template opened by hand: JupyterLab, Run All, and everything is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

QUIET = {  # a first start asks about news and looks for updates
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: the folder it shows and its address."""

    folder: Path
    url: str
    token: str

    def address(self, path: str) -> str:
        return f"{self.url}lab/tree/{path}?token={self.token}"


@pytest.fixture
def lab(chromium: str, tmp_path: Path) -> Iterator[Lab]:
    """A real JupyterLab with settings of its own, in a folder that holds a copy of a template."""
    folder, settings = tmp_path / "my work", tmp_path / "config" / "labconfig"
    folder.mkdir()
    settings.mkdir(parents=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(QUIET))
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "WORKBENCH"))}
    environment = kept | {name: str(tmp_path / place) for name, place in own.items()}
    subprocess.run(
        [sys.executable, "-m", "workbench", "templates", "classification", "--copy"],
        cwd=folder, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    template = folder / "classification.ipynb"
    template.write_text(template.read_text().replace("40s", "20s"))  # as long as the demo searches
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        "--ServerApp.port=0",
    ]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield started(server, folder, tmp_path / "runtime", tmp_path / "server.log")
    finally:
        stop(server)


def started(server: subprocess.Popen[bytes], folder: Path, runtime: Path, log: Path) -> Lab:
    """Wait until the server has written where it listens."""
    for _ in range(600):
        with suppress(OSError, ValueError):
            told = json.loads((runtime / f"jpserver-{server.pid}.json").read_text())
            return Lab(folder, told["url"], told["token"])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start.\n{log.read_text()[-2000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end itself and its kernels; end its whole group when it does not."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.mark.slow
def test_run_all_shows_everything_and_says_how_to_keep_it(lab: Lab, visit: Callable) -> None:
    opened = visit(lab.address("classification.ipynb"))
    page = opened.page
    # A Run All before the kernel is there asks which one to take; a person is slower than that.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text("Nothing was kept").wait_for(timeout=180_000)
    last = page.locator(".jp-Cell").last.locator(".jp-OutputArea-output").inner_text()
    assert "workbench run classification" in last

    pictures = page.locator(".jp-OutputArea img").all()
    assert len(pictures) >= 4
    for picture in pictures:
        picture.scroll_into_view_if_needed()
        assert picture.is_visible()
        assert picture.evaluate("one => one.complete && one.naturalWidth > 0")
    assert {urlsplit(address).hostname for address in opened.requests if address.startswith("http")} == {"127.0.0.1"}

    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    cells = [one for one in nbformat.read(lab.folder / "classification.ipynb", 4).cells if one.cell_type == "code"]
    assert [one.execution_count for one in cells] == list(range(1, len(cells) + 1))
    outputs = [output for one in cells for output in one.outputs]
    assert [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"] == []
