"""The conductor: the only room that knows the order of the stations.

Each verb reads, asks the rooms to decide, and writes. The command line, notebooks and batch jobs all call these.
Rooms are imported inside the verbs, so that a listing does not wait for a tuner to load.
"""

from workbench.workflow.batching.airflow import export_airflow, scheduled_run
from workbench.workflow.batching.batch import Batch, Foreseen, batch, foresee
from workbench.workflow.differences import compare, diff
from workbench.workflow.gallery import columns, copy_template, template, templates, write_example
from workbench.workflow.kept import experiments, note, report, show, tag
from workbench.workflow.models import load, predict, promote
from workbench.workflow.reproducing.reproduce import Reproduced, reproduce
from workbench.workflow.request import check, labels
from workbench.workflow.runs import Run, run
from workbench.workflow.sharing import export, import_
from workbench.workflow.signing import Signed, sign, verify_signature
from workbench.workflow.sites import Site, site
from workbench.workflow.travelling import pull, push
from workbench.workflow.trials import trial
from workbench.workflow.upkeep import fsck, gc, verify

__all__ = [
    "Batch",
    "Foreseen",
    "Reproduced",
    "Run",
    "Signed",
    "Site",
    "batch",
    "check",
    "columns",
    "compare",
    "copy_template",
    "diff",
    "experiments",
    "export",
    "export_airflow",
    "foresee",
    "fsck",
    "gc",
    "import_",
    "labels",
    "load",
    "note",
    "predict",
    "promote",
    "pull",
    "push",
    "report",
    "reproduce",
    "run",
    "scheduled_run",
    "show",
    "sign",
    "site",
    "tag",
    "template",
    "templates",
    "trial",
    "verify",
    "verify_signature",
    "write_example",
]
