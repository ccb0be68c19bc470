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
from types import SimpleNamespace
from urllib.parse import urlsplit

import nbformat
import nbformat.v4 as v4
import pytest

from workbench.documents.bundle import Model
from workbench.documents.ledger import Entry
from workbench.experiment import load
from workbench.experiment.finding.listing import Experiments
from workbench.pages import live
from workbench.promotion import Promotion
from workbench.records import Check, Score, Verdict
from workbench.workflow import Run

REF = "churn@20261121T183000Z-1f3ac09e"
GOLDEN = Path(__file__).parents[1] / "golden" / "experiment" / "format-0"
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


# What is written again and again has to be looked at in one go.
UNDER_WAY = """() => {
    const bar = document.querySelector('.jp-OutputArea-output progress');
    return bar && bar.checkVisibility() && bar.value < bar.max;
}"""

# The ratio of luminances of each text that is shown and of the ground it stands on.
CONTRASTS = """() => {
    const parts = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => parts(color).slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = one => {
        for (; one; one = one.parentElement) {
            const color = getComputedStyle(one).backgroundColor;
            if (parts(color)[3] !== 0) return color;
        }
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [...document.querySelectorAll('.jp-OutputArea-output')].flatMap(area => [...area.querySelectorAll('*')])
        .filter(one => [...one.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
        .map(one => ({text: one.innerText.slice(0, 40), ink: getComputedStyle(one).color, ground: ground(one)}))
        .map(one => ({...one, ratio: ratio(light(one.ink), light(one.ground))}));
}"""


@pytest.mark.slow
def test_results_are_read_in_light_and_in_dark_and_lead_to_the_report(
    lab: Lab, visit: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook somebody else ran, which JupyterLab does not trust: it cleans what that shows."""
    (lab.folder / "my-store").mkdir()
    (lab.folder / "my-store" / "report.html").write_text("<p>This is the report.</p>")
    monkeypatch.chdir(lab.folder)
    outputs = [v4.new_output("display_data", data=shown) for shown in results()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}  # or it asks which one to take
    notebook = v4.new_notebook(cells=[v4.new_code_cell("", outputs=outputs)], metadata=kernel)
    nbformat.write(notebook, lab.folder / "results.ipynb")
    chosen = lab.folder.parent / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    chosen.parent.mkdir(parents=True)
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        chosen.write_text(json.dumps({"theme": theme}))
        page = visit(lab.address("results.ipynb")).page
        page.get_by_text("on held-back rows").wait_for(timeout=60_000)
        page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        texts = page.evaluate(CONTRASTS)
        assert len(texts) > 40
        assert [one for one in texts if one["ratio"] < 4.5] == []
    bar = page.locator(".jp-OutputArea-output progress")
    assert bar.evaluate("one => [one.value, one.max]") == [0.25, 1]
    assert bar.is_visible()
    page.get_by_role("link", name="my-store/report.html").click()
    page.frame_locator(".jp-HTMLViewer iframe").get_by_text("This is the report.").wait_for()


def results() -> list[dict[str, str]]:
    """What a run, experiments, a gate, a model and a search under way show."""
    score = Score("roc_auc", 0.8461, 0.8341, 0.8582)
    check = Check("leak", "warn", "The column 'churned_on' is filled in for one class alone.", ("churned_on",))
    run = Run(
        REF,
        Path("my-store"),
        "failed",
        "It broke.",
        "roc_auc",
        {"roc_auc": score},
        [check],
        12.0,
        {"roc_auc": score},
    )
    kept = load(GOLDEN)
    verdicts = (Verdict("better", True, "it is"), Verdict("intact", False, "it is not"))
    promotion = Promotion("churn", REF, verdicts, False, None, Entry("churn", "refused", "", "", REF, verdicts))
    model = Model(Path("model"), SimpleNamespace(classes_=["No", "Yes"], features_=["tenure", "contract"]))
    bar = live.BAR.format(live.FILLED.format(0.25))
    blocks = [one._repr_html_() for one in (run, kept, Experiments([kept]), promotion, model)]
    return [{"text/html": block} for block in [*blocks, live.BLOCK.format(bar, "6 trials done · 45 s left")]]


@pytest.mark.slow
def test_run_all_shows_everything_and_says_how_to_keep_it(lab: Lab, visit: Callable) -> None:
    opened = visit(lab.address("classification.ipynb"))
    page = opened.page
    # A Run All before the kernel is there asks which one to take; a person is slower than that.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.get_by_text(" · trying ").wait_for(timeout=120_000)
    page.wait_for_function(UNDER_WAY)
    page.get_by_text("Nothing was kept").wait_for(timeout=180_000)
    assert page.locator(".jp-OutputArea-output progress").evaluate("one => one.value === one.max")
    assert page.get_by_text(" · trying ").count() == 0
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
