"""The commands. Each asks the workflow and shows what it answers; what they import heavily, they import inside."""

from workbench.cli.commands import (
    listing,
    looking,
    models,
    noting,
    reproducing,
    running,
    sharing,
    site,
    travelling,
    upkeep,
)
from workbench.cli.commands.common import workbench

__all__ = [
    "listing",
    "looking",
    "models",
    "noting",
    "reproducing",
    "running",
    "sharing",
    "site",
    "travelling",
    "upkeep",
    "workbench",
]
