"""Make the golden experiment of the current format: ``python tests/golden/experiment/make.py``.

Run it once when a new format is frozen, look at the result, and check it in; tests read it and never write it. It
refuses to replace one: what an earlier version wrote has to stay readable as it is.
"""

from __future__ import annotations

import runpy
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from workbench.documents.files import FORMAT
from workbench.experiment import Store, capture, verify

HERE = Path(__file__).parent


def main() -> None:
    made = runpy.run_path(str(HERE.parents[1] / "experiment" / "conftest.py"))
    place = HERE / f"format-{FORMAT}"
    if place.exists():
        raise SystemExit(f"{place} exists already")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder)).create()
        run = made["make_run"](store, 1, outputs={"forecast.csv": "row,prediction\n1,Yes\n"})
        run.update(
            version="20261121T183000Z-1f3ac09e",
            started="2026-11-21T18:30:00.100000+00:00",
            ended="2026-11-21T18:30:58.900000+00:00",
        )
        with mock.patch("platform.platform", return_value="Linux-x86_64"):  # a machine's own name is nobody's business
            kept = capture(run, store, report="<!DOCTYPE html><title>Churn</title><p>A report.</p>")
        assert verify(kept) == []
        shutil.copytree(kept.path, place)


if __name__ == "__main__":
    main()
