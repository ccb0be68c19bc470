"""The model handed out takes rows as people have them, one or many, and says the same of a row every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io

LEARNERS = ["lightgbm", "trees", "linear", "lightgbm trees linear"]


@pytest.fixture(params=LEARNERS)
def made(request, fitted):
    return fitted(request.param)


@pytest.fixture(params=LEARNERS)
def regression(request, fitted):
    return fitted(request.param, regression=True)


def test_a_row_alone_is_predicted_as_among_others(made):
    together = made.model.predict_proba(made.raw.iloc[:25])
    alone = np.concatenate([made.model.predict_proba(made.raw.iloc[[row]]) for row in range(25)])
    assert np.allclose(together, alone, rtol=0, atol=1e-12)


def test_a_number_of_a_row_alone_is_that_among_others(regression):
    together = regression.model.predict(regression.raw.iloc[:25])
    alone = np.concatenate([regression.model.predict(regression.raw.iloc[[row]]) for row in range(25)])
    assert np.allclose(together, alone, rtol=1e-12)


def test_labels_are_the_likeliest_classes(made):
    probabilities = made.model.predict_proba(made.raw)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert made.model.predict(made.raw).tolist() == [made.classes[place] for place in probabilities.argmax(axis=1)]


def test_no_rows_are_predicted_as_none(made, regression):
    assert made.model.predict_proba(made.raw.iloc[:0]).shape == (0, 2)
    assert made.model.predict(made.raw.iloc[:0]).shape == (0,)
    assert regression.model.predict(regression.raw.iloc[:0]).shape == (0,)


def test_columns_may_come_in_any_order_and_with_others(made):
    shuffled = made.raw[made.raw.columns[::-1]].assign(more=1)
    assert np.array_equal(made.model.predict_proba(shuffled), made.model.predict_proba(made.raw))


def test_missing_columns_are_all_named(made):
    with pytest.raises(ValueError, match=r"lack 2 column\(s\) the model needs: 'tenure', 'town'"):
        made.model.predict(made.raw.drop(columns=["tenure", "town"]))


def test_rows_are_a_data_frame(made):
    with pytest.raises(TypeError, match="must be a pandas DataFrame, not list"):
        made.model.predict([{"tenure": 1}])


def test_a_number_has_no_probabilities(regression):
    with pytest.raises(ValueError, match="no classes"):
        regression.model.predict_proba(regression.raw)


def test_typed_rows_are_predicted_as_text_is(made):
    typed = made.raw.assign(
        tenure=made.raw["tenure"].astype(int),
        charges=made.raw["charges"].astype(float),
        contract=made.raw["contract"].astype("category"),
        joined=pd.to_datetime(made.raw["joined"], format="%d/%m/%Y"),
        town=made.raw["town"].astype("string"),
    )
    assert np.array_equal(made.model.predict_proba(typed), made.model.predict_proba(made.raw))


def test_the_order_of_a_typed_category_s_levels_means_nothing(made):
    one, other = (
        made.raw.assign(contract=pd.Categorical(made.raw["contract"], categories=levels))
        for levels in (["monthly", "yearly", "two years"], ["two years", "never used", "yearly", "monthly"])
    )
    assert np.array_equal(made.model.predict_proba(one), made.model.predict_proba(other))


@pytest.mark.parametrize("column", ["tenure", "contract", "charges", "joined", "town", "note"])
@pytest.mark.parametrize("value", [None, "never seen before", "?"])
def test_gaps_and_values_never_seen_are_predicted(made, column, value):
    strange = made.raw.head(20).assign(**{column: pd.Series([value] * 20, dtype=object, index=made.raw.index[:20])})
    probabilities = made.model.predict_proba(strange)
    assert np.isfinite(probabilities).all()
    assert np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("value", ["inf", "-inf", "1e300", "-1e300"])
def test_numbers_beyond_reason_are_predicted(made, value):
    assert np.isfinite(made.model.predict_proba(made.raw.head(5).assign(charges=value))).all()


def test_the_rows_handed_in_are_not_changed(made):
    before = made.raw.copy(deep=True)
    made.model.predict_proba(made.raw)
    pd.testing.assert_frame_equal(made.raw, before)


def test_predicting_changes_nothing_in_the_model(made):
    first = made.model.predict_proba(made.raw)
    made.model.predict_proba(made.raw.assign(contract=None))
    assert np.array_equal(made.model.predict_proba(made.raw), first)


def test_what_is_stored_predicts_the_same_to_the_last_digit(made, regression):
    for one in (made, regression):
        stored = skops.io.dumps(one.model)
        types = skops.io.get_untrusted_types(data=stored)
        assert all(kind.startswith(("workbench.estimators.", "sklearn.")) for kind in types)
        again = skops.io.loads(stored, trusted=types)
        assert np.array_equal(again.ensemble.predict(again.coercer.transform(one.raw)), said(one))
        assert again.features_ == one.model.features_
        assert again.classes_ == one.model.classes_


def said(one) -> np.ndarray:
    return one.model.predict_proba(one.raw) if one.model.classes_ else one.model.predict(one.raw)


def test_models_that_share_an_encoder_share_it_when_stored(fitted):
    from workbench.estimators.ensemble import Bag, Ensemble, FoldModel
    from workbench.estimators.model import TabularModel

    made = fitted("lightgbm")
    member = made.model.ensemble.bags[0].members[0]
    twice = Ensemble([Bag([member, FoldModel(member.encoder, member.learner)])], [1.0])
    stored = skops.io.dumps(TabularModel(made.model.coercer, twice, made.classes))
    again = skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
    one, other = again.ensemble.bags[0].members
    assert one.encoder is other.encoder


def test_a_threshold_moves_labels_and_no_probability(made):
    from workbench.estimators.model import TabularModel

    plain = made.model
    eager = TabularModel(plain.coercer, plain.ensemble, made.classes, threshold=0.2)
    probability = plain.predict_proba(made.raw)
    assert np.array_equal(eager.predict_proba(made.raw), probability)
    assert eager.predict(made.raw).tolist() == np.where(probability[:, 1] > 0.2, *reversed(made.classes)).tolist()
    assert (plain.threshold_, eager.threshold_) == (0.5, 0.2)


def test_a_number_has_no_threshold(regression):
    assert regression.model.threshold_ is None
