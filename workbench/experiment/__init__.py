"""Experiments: a run folder becomes immutable and versioned, is found again, and travels as one file."""

from workbench.experiment.capture import capture, fingerprint
from workbench.experiment.cost import Price, price_of, read_price
from workbench.experiment.index import summaries
from workbench.experiment.kept import Experiment, load
from workbench.experiment.listing import experiments
from workbench.experiment.names import checked_name, slug
from workbench.experiment.reference import resolve
from workbench.experiment.share import Imported, export, import_, verify
from workbench.experiment.store import Store, store_at
from workbench.experiment.together import children, export_batch, import_batch, is_batch

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
    "load",
    "price_of",
    "read_price",
    "resolve",
    "slug",
    "store_at",
    "summaries",
    "verify",
]
