"""One fitted model for the room, and how a model folder becomes what is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.bundle_manifest import write_bundle_manifest
from workbench.documents.ledger import Entry, append, bundle_folder

FIELDS = ("model", "version", "created", "author", "experiment", "metric", "scores", "task", "data", "verdicts")


@pytest.fixture(scope="module")
def made(fitted: Callable[..., Any]) -> Any:
    return fitted("trees")


@pytest.fixture(scope="session")
def go_live() -> Callable[[Path, str], None]:
    """Make a model folder written as a version of `churn` its live bundle: ``go_live(store, version)``."""

    def live(store: Path, version: str) -> None:
        digest = write_bundle_manifest(bundle_folder(store, "churn", version), dict.fromkeys(FIELDS, ""))
        append(store, Entry("churn", "live", "", "ana", "churn@x", (), version, digest), [])

    return live
