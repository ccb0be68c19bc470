"""How a batch ended, for people: what became of its runs, and one command for what is still to be done."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.cli import batches

AGAIN = "workbench batch farms.yaml"


def said(capfd: pytest.CaptureFixture[str], counts: dict[str, int], ran: int = 0, **remaining: int) -> list[str]:
    names = [status for status, number in counts.items() for _ in range(number)]
    runs: list[dict[str, Any]] = [
        {"number": at, "name": f"farms-{at}", "labels": {}, "parameters": {}, "status": status, "reason": ""}
        for at, status in enumerate(names, start=1)
    ]
    document = {
        "ref": "farms@1", "status": "failed", "reason": "", "seconds": 24.0, "resources": {"cost": None}, "ran": ran,
        "counts": counts, "runs": runs, "report": "report.html",
        "remaining": {"left": 0, "failed": 0, "after": 0, **remaining},
    }  # fmt: skip
    batches.batch(document, AGAIN)
    return capfd.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("counts", "ran", "told"),
    [
        ({"completed": 3}, 0, "Nothing ran: all 3 runs were done already."),
        ({"completed": 1}, 0, "Nothing ran: the one run was done already."),
        ({"completed": 2, "failed": 1}, 0, "Nothing ran, for nothing is left to do: 2 completed, 1 failed."),
        ({"completed": 2, "skipped": 1}, 0, "Nothing ran, for nothing is left to do: 2 completed, 1 not needed."),
        ({"completed": 3}, 1, "failed in 24 s: 3 completed"),
    ],
)
def test_what_did_not_run_has_no_time(
    counts: dict[str, int], ran: int, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(capfd, counts, ran)[1] == told


@pytest.mark.parametrize(
    ("remaining", "hint"),
    [
        ({}, None),
        ({"left": 2}, f"To go on with what is left: {AGAIN}"),
        ({"failed": 1}, f"To run again what failed: {AGAIN} --rerun failed"),
        ({"failed": 1, "after": 2}, f"To run again what failed, and what needs it: {AGAIN} --rerun failed"),
        ({"left": 1, "failed": 1},
         f"To go on with what is left: {AGAIN} (with --rerun failed, what failed is run again as well)"),
    ],
)  # fmt: skip
def test_there_is_one_hint_and_it_fits(
    remaining: dict[str, int], hint: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = said(capfd, {"completed": 1, "failed": 1, "left": 2}, 2, **remaining)
    assert [line for line in lines if line.startswith("To ")] == ([hint] if hint else [])
