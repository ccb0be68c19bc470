"""How quickly very many experiments are looked through: the whole command, as a person waits for it.

    python benchmarks/many_experiments.py [experiments] [names]

Makes a store of that many manifests (100,000 of 1,000 names unless said otherwise) in the temporary folder, lets the
first list gather what they say, and then times commands in turns: the wall time, and the time of the processor, which
other work on the machine disturbs less. The median of five of each is told.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.documents.experiment import FIELDS
from workbench.documents.files import FORMAT

REPEATS = 5
METRICS = ("roc_auc", "log_loss", "average_precision", "f1", "accuracy", "balanced_accuracy", "brier")
COMMANDS = {
    "start": ["--version"],
    "newest": ["list", "--limit", "20"],
    "filter": ["list", "score>0.8", "status=completed", "--limit", "20"],
    "label": ["list", "farm=17"],
    "metric": ["list", "f1>0.9", "since=2026-11-22", "--sort", "score"],
    "one name": ["list", "farm-17"],
    "tag": ["list", "tag=baseline"],
    "all, as JSON": ["list", "--json"],
}


def main(number: int, names: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        _make(store, number, names)
        print(f"{number:,} experiments of {names:,} names")
        _tell("first list", [_timed(["list", "--limit", "20"], store)])
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
        for _ in range(REPEATS):
            for name, words in COMMANDS.items():
                times[name].append(_timed(words, store))
        for name, measured in times.items():
            _tell(name, measured)
        size = sum(path.stat().st_size for path in (store / "index").iterdir()) if (store / "index").exists() else 0
        print(f"{'index':14} {size / 1e6:6.0f} MB")


def _tell(name: str, measured: list[tuple[float, float]]) -> None:
    wall, processor = (statistics.median(each) for each in zip(*measured, strict=True))
    print(f"{name:14} {wall:6.2f} s wall   {processor:6.2f} s processor", flush=True)


def _timed(words: list[str], store: Path) -> tuple[float, float]:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    where = [] if words == ["--version"] else ["--store", str(store)]
    subprocess.run([sys.executable, "-m", "workbench", *words, *where], check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _make(store: Path, number: int, names: int) -> None:
    empty = {name: kinds[-1]() for name, kinds in FIELDS.items()}
    files = [{"name": f"file-{one}.json", "digest": "sha256:" + "0" * 64, "size": one} for one in range(24)]
    for one in range(number):
        name, second = f"farm-{one % names}", one % 86_400
        time_ = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        version = f"202611{21 + one // 86_400}T{time_}Z-{one:08x}"
        value = 0.5 + (one * 7919 % 5000) / 10_000
        score = {"value": value, "low": value - 0.02, "high": value + 0.02, "optimism": 0.01, "higher_is_better": True}
        known = {
            "format": FORMAT, "kind": "run", "ref": f"{name}@{version}", "author": "ada", "template": "classification",
            "status": "failed" if one % 10 == 3 else "completed", "ended": None, "metric": "roc_auc",
            "started": f"2026-11-{21 + one // 86_400}T{time_[:2]}:{time_[2:4]}:{time_[4:]}+00:00",
            "labels": {"farm": str(one % names), "year": "2026"}, "cause": {"kind": "person"},
            "fingerprint": f"sha256:{one:064x}", "data": {"digest": f"sha256:{one % 97:064x}", "rows": 1000},
            "scores": {metric: {**score, "rows": 1000} for metric in METRICS},
            "resources": {"wall": 30.0 + one % 60, "cpu": 20.0, "peak_memory": 400_000_000, "cost": None},
            "files": files,
        }  # fmt: skip
        folder = store / "experiments" / name / version
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({**empty, **known}, indent=2))
        if one % 1000 == 0:
            _tag(store, name, version, one)
    os.sync()


def _tag(store: Path, name: str, version: str, one: int) -> None:
    folder = store / "notes" / name / version
    folder.mkdir(parents=True)
    at = "2026-11-22T12:00:00+00:00"
    note = {"format": FORMAT, "kind": "tag", "text": "baseline", "author": "ada", "at": at}
    (folder / f"{one:026d}.json").write_text(json.dumps(note))


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:3]]
    main(*(given + [100_000, 1_000][len(given) :]))
