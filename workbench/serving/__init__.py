"""Bundles become predictions."""

from __future__ import annotations

from workbench.documents.bundle import Model
from workbench.serving.predict import Written, load, predict, predict_file

__all__ = ["Model", "Written", "load", "predict", "predict_file"]
