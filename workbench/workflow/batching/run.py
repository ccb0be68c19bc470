"""One planned run, carried out: the same wherever that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.workflow.runs import Conditions, Listener, Run, run

if TYPE_CHECKING:
    from workbench.batches import Planned
    from workbench.execution import Kernels
    from workbench.experiment import Price


def conditions_of(
    batch: str, threads: int, cancelled: Callable[[], str | None], kernels: Kernels | None = None
) -> Conditions:
    """Say what the runs of a batch are told besides their requests."""
    from workbench.batches import cores, thread_limits

    return Conditions(
        cause={"kind": "batch", "batch": batch},
        parents=[batch],
        environ=thread_limits(threads),
        cancelled=cancelled,
        kernels=kernels,
        share=min(1.0, threads / cores()),
    )


def run_planned(
    planned: Planned,
    template: Path,
    store: Path,
    conditions: Conditions,
    *,
    price: Price | None = None,
    on_event: Listener | None = None,
) -> Run:
    """Carry out one run of a plan, on a machine that costs a `price`.

    Raises
    ------
    WorkbenchError
        If it is refused: since it was planned its table has changed, say, or the disk is full.
    """
    step = planned.step
    return run(
        template,
        planned.parameters,
        name=planned.name,
        labels=planned.labels,
        timeout=step.timeout,
        memory_limit=step.memory,
        retries=step.retries,
        price=None if price is None else str(price),
        store=store,
        on_event=on_event,
        conditions=replace(conditions, fingerprint=planned.fingerprint if planned.needs else None),
    )
