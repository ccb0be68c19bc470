"""A real Chromium, and the pages a real run leaves for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"]  # Playwright adds its own
GOLDEN = Path(__file__).parents[1] / "golden" / "experiment" / "format-0"


@dataclass(frozen=True)
class Visit:
    """An open page, what it asked for, and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    places = [named, *map(shutil.which, NAMES), str(MAC) if MAC.exists() else None]
    # A snap sees neither /tmp nor the profile that the tests make there.
    return next((place for place in places if place and not place.startswith("/snap/")), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; a machine without one skips these tests, CI does not."""
    found = find_chromium()
    if found:
        return found
    reason = "No Chromium was found. Install one (apt install chromium), or name it: CHROMIUM=/path/to/chromium"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


# A module's, not the session's: while Playwright is open an event loop counts as running, and others could start none.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a file or an address in a window of its own: ``visit(path, width=400)``."""
    opened = []

    def go(where: Path | str, width: int = 1200, height: int = 900) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height})
        opened.append(context)
        visit = Visit(context.new_page())
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("console", lambda said: visit.complaints.append(f"{said.type}: {said.text}"))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.goto(where.as_uri() if isinstance(where, Path) else where)
        return visit

    yield go
    for context in opened:
        context.close()


def many_runs() -> dict[str, Any]:
    """What a batch may hold: runs of two targets, one that failed, one that was not begun, one without a score."""
    used = {"cpu": 75.0, "peak_memory": 312e6, "cost": {"amount": 0.0021, "currency": "EUR", "runs": 16}}
    runs = []
    for number in range(1, 19):
        farm, status = f"farm-{number}", {16: "failed", 17: "left"}.get(number, "completed")
        value = None if number > 15 else 90.0 + 17 * (number % 7)
        score = value and {"value": value, "low": value - 9, "high": value + 9, "higher_is_better": False}
        ref = None if status == "left" else f"farms-{farm}@20261121T183000Z-0000000{number % 10}"
        runs.append(
            {
                "number": number, "name": f"farms-{farm}", "status": status, "ref": ref, "before": False,
                "report": ref and f"runs/{ref}.html", "reason": "" if status == "completed" else f"{farm} is broken",
                "labels": {"farm": farm}, "parameters": {"data": f"/data/farms/{farm}/production-2025.parquet"},
                "metric": value and "rmse", "score": score, "target": "power" if number < 9 else "price",
                "data": f"sha256:{number}", "seconds": 61.0, "resources": used,
            }
        )  # fmt: skip
    return {
        "name": "farms", "ref": "farms@20261121T183000Z-1f3ac09e", "status": "failed", "title": "Regression",
        "reason": "1 of 18 runs did not complete", "started": "2026-11-21T18:30:00+00:00", "seconds": 90.0,
        "author": "ada", "workers": 2, "threads": 1, "common": {"budget": "60s"}, "runs": runs,
        "resources": {**used, "runs": 1037.0},
    }  # fmt: skip


@pytest.fixture
def long_names() -> Callable[[Path], list[Path]]:
    """Write a page of a batch and one of a comparison, of experiments with long names."""

    def write(folder: Path) -> list[Path]:
        from workbench.pages.batch import batch_page
        from workbench.pages.comparison import comparison_page

        many, few = many_runs(), ranked(3)
        several = [run for run in many["runs"] if run["score"]]
        for one in (*several, *few["leaderboard"]):
            one["ref"] = f"wind-farm-of-lower-saxony-turbine-of-the-north-{one['ref']}"
        told = [run | {"metric": "roc_auc", "target": "power"} for run in several]
        pages = {"batch": batch_page(many | {"runs": told}), "comparison": comparison_page(few)}
        for name, page in pages.items():
            (folder / f"{name}.html").write_text(page, encoding="utf-8")
        return [folder / f"{name}.html" for name in pages]

    return write


def ranked(experiments: int) -> dict[str, Any]:
    """What a comparison may tell of experiments that all can be ranked together, with all there is to draw."""
    rows = []
    for rank in range(1, experiments + 1):
        value = 0.91 - rank / 400
        trials = [
            {"number": number, "family": "lightgbm", "score": value - 0.2 / number, "best": value - 0.2 / number,
             "elapsed": 1.5 * number, "parameters": {"num_leaves": 4 * number, "extra_trees": number % 2 == 0}}
            for number in range(1, 9)
        ]  # fmt: skip
        gain = {
            "value": rank / 400,
            "low": rank / 400 - 0.01,
            "high": rank / 400 + 0.01,
            "rows": 7043,
            "tied": rank < 5,
        }
        rows.append(
            {
                "ref": f"churn@20261121T183000Z-{rank:08x}", "rank": rank, "group": 1, "metric": "roc_auc",
                "searched_by": "roc_auc", "value": value, "low": value - 0.01, "high": value + 0.01, "rows": 7043,
                "higher_is_better": True, "seconds": 60.0 * rank, "behind": gain if rank > 1 else None,
                "trials": trials,
                "note": "a reproduction of churn@00000001" if rank == 2 else "", "resources": {"cpu": 100.0 / rank},
                "parameters": {"budget": f"{rank}m", "seed": rank % 4, "data": f"/data/farms/{rank % 3}.csv"},
                "importance": [{"feature": name, "value": 0.2 / place / rank, "low": 0.0, "high": 0.4 / place / rank}
                               for place, name in enumerate(["tenure", "contract", "monthly charges"], 1)],
            }
        )  # fmt: skip
    return {"sentences": ["churn@00000001 is tied with 3 others."], "leaderboard": rows}


@pytest.fixture(scope="session")
def pages(chromium: str, tmp_path_factory: pytest.TempPathFactory, churn: pd.DataFrame) -> SimpleNamespace:
    """The report of one real run, pages that compare it with the golden experiment, of many experiments and a batch."""
    from workbench import workflow
    from workbench.pages.batch import batch_page
    from workbench.pages.comparison import comparison_page

    folder = tmp_path_factory.mktemp("with a space")
    csv, store, comparison = folder / "customers.csv", folder / "store", folder / "comparison.html"
    batch = folder / "batch.html"
    batch.write_text(batch_page(many_runs()))
    churn.to_csv(csv, index=False)
    run = workflow.run("classification", {"data": str(csv), "target": "Churn", "trials": 2}, store=store)
    workflow.compare(run.ref, str(GOLDEN), store=store, html=comparison)
    difference, leaderboard = folder / "difference.html", folder / "leaderboard.html"
    workflow.diff(run.ref, str(GOLDEN), store=store, html=difference)
    leaderboard.write_text(comparison_page(ranked(30)))
    report = Path(run.path) / "report.html"
    return SimpleNamespace(
        report=report, comparison=comparison, difference=difference, leaderboard=leaderboard, batch=batch
    )
