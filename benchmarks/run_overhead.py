"""What keeping a run costs: ``workbench run`` beside plain papermill, on the same template and trials.

    python benchmarks/run_overhead.py [repeats]

Both run the classification template for two trials; the workbench also checks the request beforehand, renders the
report and captures the experiment. Runs alternate, so that a busy machine slows both alike; the ratio is what counts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPLATE = Path(__file__).parents[1] / "templates" / "classification.ipynb"


def seconds(*command: object, cwd: Path) -> float:
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, check=True)
    return time.perf_counter() - began


def main(repeats: int) -> None:
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        for _ in range(repeats):
            papermill = (sys.executable, "-m", "papermill", TEMPLATE, "out.ipynb", "-p", "trials", "2")
            theirs.append(seconds(*papermill, "--no-progress-bar", cwd=cwd))
            ours.append(seconds(sys.executable, "-m", "workbench", "run", "classification", "-p", "trials=2", cwd=cwd))
    for name, times in (("papermill", theirs), ("workbench run", ours)):
        print(f"{name:15} median {statistics.median(times):6.2f} s   ({min(times):.2f} to {max(times):.2f})")
    print(f"{'ratio':15} {statistics.median(o / t for o, t in zip(ours, theirs, strict=True)):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
