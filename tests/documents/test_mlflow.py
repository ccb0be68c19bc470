"""A model folder asks for the libraries its model uses, and for no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.documents.bundle import load_model, write_model
from workbench.documents.mlflow import write_environment

LOAD = """
import sys
sys.modules["lightgbm"] = sys.modules["catboost"] = None  # as if they were not installed
from pathlib import Path
from workbench.documents.bundle import check_golden
assert check_golden(Path(sys.argv[1])).holds
"""


def required(folder: Path) -> set[str]:
    return {line.partition("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()}


@pytest.mark.parametrize(
    ("learners", "wanted"),
    [("linear", set()), ("lightgbm", {"lightgbm"}), ("catboost", {"catboost"})],
)
def test_a_boosting_library_is_required_where_it_boosted(fitted, tmp_path, learners, wanted):
    made = fitted(learners)
    write_model(tmp_path / "model", made.model, schema=made.schema, golden=made.raw)
    assert required(tmp_path / "model") & {"lightgbm", "catboost"} == wanted


def test_a_catboost_model_comes_back_the_same_to_the_last_digit(fitted, tmp_path):
    made = fitted("catboost")
    write_model(tmp_path / "model", made.model, schema=made.schema, golden=made.raw)
    assert np.array_equal(load_model(tmp_path / "model").predict_proba(made.raw), made.model.predict_proba(made.raw))


def test_a_model_that_does_not_boost_loads_where_no_boosting_library_is(fitted, tmp_path):
    made = fitted("trees linear")
    write_model(tmp_path / "model", made.model, schema=made.schema, golden=made.raw)
    subprocess.run([sys.executable, "-c", LOAD, str(tmp_path / "model")], check=True)


def test_what_a_module_takes_from_beside_it_is_required_too(tmp_path):
    (tmp_path / "first.py").write_text("from .second import help\n")
    (tmp_path / "second.py").write_text("from . import third\n")
    (tmp_path / "third.py").write_text("from catboost import Pool\nfrom .first import any\n")
    (tmp_path / "other.py").write_text("import lightgbm\n")
    write_environment(tmp_path, [tmp_path / "first.py"])
    assert required(tmp_path) == {"numpy", "pandas", "scikit-learn", "scipy", "skops", "catboost"}
