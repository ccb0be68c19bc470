"""The benchmarks are scripts beside the package: these tests find them by their folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """A row as a measurement leaves it, of whatever the test says."""

    def made(system: str, data: str, loss: float | None, **other: Any) -> dict[str, Any]:
        told: dict[str, Any] = {
            "system": system,
            "data": data,
            "loss": loss,
            "task": "binary",
            "seed": 0,
            "split": "abc",
            "budget": 60.0,
            "version": "1.0",
            "constant": 0.5,
            "seconds": 60.0,
            "wall": 61.0,
            "peak_mb": 500,
            "predict_seconds": 0.1,
            "model_mb": 2.0,
            "others": 0.0,
            "when": "2026-01-02T03:04:05+00:00",
            "machine": {"cores": 2, "memory_gb": 8},
            "error": "ended with 1; no more memory",
        }
        return told | other

    return made
