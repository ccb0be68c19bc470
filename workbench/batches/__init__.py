"""Many runs: a spec becomes a plan, checked whole; what is done already is found again; the rest waits its turn.

The room is not called `batch`, for ``wb.batch`` is the verb: a package imported as ``workbench.batch`` would hide it.
"""

from workbench.batches.claim import claimed
from workbench.batches.cores import cores, shared_out, thread_limits
from workbench.batches.keep import as_document, keep
from workbench.batches.known import Known, batch_of, known, under_way_elsewhere
from workbench.batches.plan import Plan, Planned, plan
from workbench.batches.queue import Limits, Outcome, Queue, remaining, told_by
from workbench.batches.spec import Spec, read_spec, spec_of
from workbench.batches.steps import Step
from workbench.batches.totals import totals

__all__ = [
    "Known",
    "Limits",
    "Outcome",
    "Plan",
    "Planned",
    "Queue",
    "Spec",
    "Step",
    "as_document",
    "batch_of",
    "claimed",
    "cores",
    "keep",
    "known",
    "plan",
    "read_spec",
    "remaining",
    "shared_out",
    "spec_of",
    "thread_limits",
    "told_by",
    "totals",
    "under_way_elsewhere",
]
