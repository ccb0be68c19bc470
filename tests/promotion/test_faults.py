"""A promotion that cannot be written to its end leaves the store as it was, and can be repeated."""

from __future__ import annotations

import hashlib
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench.documents.ledger import live, read_ledger
from workbench.errors import StoreError
from workbench.experiment import Store
from workbench.experiment.upkeep.fsck import fsck
from workbench.promotion import promote

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Have the system stop every write beyond a size, in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def files_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("first", [True, False], ids=["first promotion", "one is live"])
def test_a_promotion_that_cannot_be_written_leaves_the_store_as_it_was(
    keep: Callable[..., Any], store: Path, first: bool
) -> None:
    candidate = keep(2, roc_auc=0.95)
    if not first:
        promote(keep(1), "churn", store, author="ada", now=NOW)
    before = files_below(store)
    for largest in (0, 200, 2_000, 10_000):
        with (
            files_no_larger_than(largest),
            pytest.raises(StoreError, match="cannot be written: File too large") as told,
        ):
            promote(candidate, "churn", store, author="ada", now=NOW)
        assert "\n" not in str(told.value)
        assert files_below(store) == before
        assert fsck(Store(store)).problems == []
    done = promote(candidate, "churn", store, author="ada", now=NOW)
    entered = live(read_ledger(store, "churn"))
    assert entered is not None
    assert (done.passed, entered.bundle) == (True, done.entry.bundle)
    assert fsck(Store(store)).problems == []
