"""What a compact model gives and costs: the same search for a full and a compact model, predicting alone and together.

    python benchmarks/compact.py [example ...]

Processor time of this process, which a busy machine disturbs less than wall time; the ratio is what counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import workbench as wb

EXAMPLES = {"breast_cancer": "diagnosis", "wine": "cultivar", "diabetes": "progression"}
TRIALS = 8
FAMILIES = ("lightgbm", "extra_trees", "linear", "random_forest", "lightgbm_features", "neighbours")


def seconds(verb: Callable[[], object], times: int) -> float:
    """Take the quickest of several calls."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        verb()
        taken.append(time.process_time() - began)
    return min(taken)


def main(examples: list[str]) -> None:
    print("| table | models full | compact | loss full | compact | a row alone, ms: full | compact | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name in examples:
        table = wb.read_table(f"example:{name}")
        kind = "regression" if name == "diabetes" else "classification"
        made = wb.task(table, EXAMPLES[name], kind=kind)
        cells: list[list[str]] = []
        alone = []
        for deploy in ("full", "compact"):
            result = wb.search(made, trials=TRIALS, families=FAMILIES, deploy=deploy)
            model, raw = result.model, table.frame
            predict = model.predict if kind == "regression" else model.predict_proba
            alone.append(seconds(lambda predict=predict, raw=raw: predict(raw.iloc[:1]), 30))
            loss = result.score.value if not result.score.higher_is_better else 1 - result.score.value
            models = sum(len(bag.members) for bag in model.ensemble.bags)
            cells.append([str(models), f"{loss:.4g}", f"{1000 * alone[-1]:.1f}"])
        pairs = [cell for pair in zip(*cells, strict=True) for cell in pair]
        print(f"| {name} | {' | '.join(pairs)} | {alone[0] / alone[1]:.1f} × |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(EXAMPLES))
