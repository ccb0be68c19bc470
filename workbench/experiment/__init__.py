"""Experiments: a run folder becomes immutable and versioned, is found again, and travels as one file."""

from workbench.experiment.capturing.capture import capture, fingerprint
from workbench.experiment.capturing.cost import Price, price_of, read_price
from workbench.experiment.capturing.repository import repository
from workbench.experiment.finding.index import summaries
from workbench.experiment.finding.listing import experiments
from workbench.experiment.finding.reference import resolve
from workbench.experiment.judging import reading
from workbench.experiment.kept import Experiment, load
from workbench.experiment.names import checked_name, slug
from workbench.experiment.sharing.share import Imported, export, import_
from workbench.experiment.sharing.together import children, export_batch, import_batch, is_batch
from workbench.experiment.sharing.without_data import is_without_data, without_data
from workbench.experiment.store import Store, store_at
from workbench.experiment.verifying import verify

__all__ = [
    "Experiment",
    "Imported",
    "Price",
    "Store",
    "capture",
    "checked_name",
    "children",
    "experiments",
    "export",
    "export_batch",
    "fingerprint",
    "import_",
    "import_batch",
    "is_batch",
    "is_without_data",
    "load",
    "price_of",
    "read_price",
    "reading",
    "repository",
    "resolve",
    "slug",
    "store_at",
    "summaries",
    "verify",
    "without_data",
]
