"""Before any table a report says what was done, how good that is against guessing, and how sure we are."""

import pytest

from workbench.pages.report import report
from workbench.pages.summary import Found, summary
from workbench.records import Score

CHURN = {"target": "Churn", "kind": "binary", "classes": ["No", "Yes"], "rows": 7043, "features": ["a", "b"]}
PRICE = {"target": "price", "kind": "regression", "classes": [], "rows": 2930, "features": ["a"]}
AUC = Score("roc_auc", 0.8493, 0.8351, 0.8667, rows=7043)
RMSE = Score("rmse", 21539.2, 18820.1, 24380.4, higher_is_better=False, rows=2930)


def said(*found, **more):
    return " ".join(summary(Found(*found, **more)))


def test_it_tells_what_was_done_how_good_that_is_and_how_sure():
    assert said(CHURN, AUC, guess=0.5, models=14) == (
        "How to predict Churn ('Yes' or 'No') was learned from 7,043 rows and 2 columns; 14 models were tried. "
        "Combined, the best of them have ROC AUC 0.849, where guessing without looking at any column gives 0.500. "
        "That was measured on 7,043 rows the models had not learned from; on more rows of the same kind it lies "
        "between 0.835 and 0.867, with 95 % confidence."
    )


def test_of_an_error_it_tells_how_much_smaller_it_is_than_that_of_a_guess():
    assert "RMSE 21,539, where guessing without looking at any column gives 79,873: errors are 73 % smaller." in said(
        PRICE, RMSE, guess=79873.4, models=4
    )


@pytest.mark.parametrize(("score", "guess"), [(AUC, 0.84), (RMSE, 24000.0), (Score("roc_auc", 0.4), 0.5)])
def test_what_may_be_no_better_than_a_guess_is_called_that(score, guess):
    assert "the two cannot be told apart" in said(CHURN, score, guess=guess, models=3)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (Score("roc_auc", 0.84, 0.82, 0.86, rows=500), "which agrees with it"),
        (Score("roc_auc", 0.70, 0.66, 0.74, rows=500), "clearly worse"),
        (Score("roc_auc", 0.95, 0.94, 0.96, rows=500), "clearly better"),
        (Score("roc_auc", 0.95, rows=500), "it has ROC AUC 0.95."),
    ],
)
def test_the_last_check_on_held_back_rows_is_set_beside_what_was_promised(test, words):
    told = said(CHURN, AUC, guess=0.5, test=test)
    assert "On the 500 rows that were held back until the end" in told
    assert words in told


def test_little_that_is_known_is_told_all_the_same():
    assert said(CHURN, Score("roc_auc", 0.8), models=1).endswith(
        "The model has ROC AUC 0.8. That was measured on rows the models had not learned from."
    )
    assert "which of 3 classes of size" in said({**CHURN, "target": "size", "classes": [1, 2, 3]}, AUC)


def test_the_report_begins_with_it():
    page = report({"cells": []}, title="Churn", facts={"score": AUC, "summary": ["One.", "<Two>."], "rows": 3})
    assert '<p class="summary">One. &lt;Two&gt;.</p>' in page
    assert page.index("One.") < page.index("<dl")
