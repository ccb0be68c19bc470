"""What columns become, and that nothing of a row's own target is in it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder

from workbench.estimators.categories import CategoryCodes, LevelColumns, TargetMeans
from workbench.estimators.dates import DateFeatures
from workbench.estimators.dense import DenseEncoder
from workbench.estimators.encoder import TableEncoder
from workbench.estimators.look import Look
from workbench.estimators.numbers import SmoothScaler
from workbench.estimators.prepared import PreparedEncoder
from workbench.estimators.texts import TextFeatures


def texts(*values: str | None) -> pd.Series:
    return pd.Series(list(values), dtype=object)


class TestCategories:
    def test_codes_go_from_frequent_to_rare_and_gaps_stay_gaps(self):
        frame = pd.DataFrame({"c": texts("a", "b", "b", None)})
        codes = CategoryCodes().fit(frame).transform(frame)
        assert codes[:3, 0].tolist() == [1, 0, 0]
        assert np.isnan(codes[3, 0])

    def test_rare_and_unseen_levels_share_a_code(self):
        frame = pd.DataFrame({"c": texts("a", "a", "b", "c")})
        codes = CategoryCodes(fewest=2).fit(frame)
        assert codes.transform(pd.DataFrame({"c": texts("a", "b", "c", "never seen")}))[:, 0].tolist() == [0, 1, 1, 1]
        assert codes.sizes() == [2]

    def test_unseen_levels_are_missing_where_training_knew_no_rare_ones(self):
        codes = CategoryCodes().fit(pd.DataFrame({"c": texts("a", "b")}))
        assert np.isnan(codes.transform(pd.DataFrame({"c": texts("never seen")}))).all()

    @pytest.mark.parametrize("known", [[[0.0, 2], [1, 2], [5, 0]], [[0.0, np.nan], [np.nan, 2], [1, 2]]], ids=str)
    def test_each_code_has_a_column_as_scikit_learn_would_give_it(self, known):
        codes = np.array([[0.0, 0], [1, 2], [np.nan, np.nan], [7, 9], [5, 1]])
        theirs = OneHotEncoder(handle_unknown="ignore").fit(np.array(known)).transform(codes)
        levels = LevelColumns().fit(np.array(known))
        ours = levels.matrix(codes)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours.toarray(), theirs.toarray())
        assert np.array_equal(levels.dense(codes), theirs.toarray())
        assert np.array_equal(np.vstack([levels.row(code[None]).toarray() for code in codes]), theirs.toarray())
        assert levels.matrix(codes[:0]).shape == (0, ours.shape[1])


class TestTargetMeans:
    def test_a_row_never_reads_its_own_target(self):
        """Levels of one row each: what training rows are told of them is the mean of all others."""
        codes, target = np.arange(100.0)[:, None], np.arange(100.0)[:, None]
        means = TargetMeans().fit_transform(codes, target)[:, 0]
        assert means == pytest.approx(np.full(100, 49.5))

    def test_new_rows_are_told_what_all_training_rows_were(self):
        codes, target = np.repeat([0.0, 1.0], 50)[:, None], np.repeat([0.0, 1.0], 50)[:, None]
        encoder = TargetMeans(strength=10)
        encoder.fit_transform(codes, target)
        told = encoder.transform(np.array([[0.0], [1.0], [np.nan], [7.0]]))[:, 0]
        assert told == pytest.approx([5 / 60, 55 / 60, 0.5, 0.5])

    def test_rows_count_by_their_weight(self):
        """By hand: the mean of all is 5 / 6; level 0 has 3 of 4, level 1 has 2 of 2, each beside ten of that mean."""
        codes, target, weight = np.array([[0.0], [0], [1]]), np.array([[1.0], [0], [1]]), np.array([3.0, 1, 2])
        encoder = TargetMeans(strength=10)
        encoder.fit_transform(codes, target, weight)
        told = encoder.transform(np.array([[0.0], [1.0], [np.nan]]))[:, 0]
        assert told == pytest.approx([(3 + 10 * 5 / 6) / 14, (2 + 10 * 5 / 6) / 12, 5 / 6])

    def test_a_training_row_is_told_the_weighed_mean_of_the_rows_of_other_parts(self):
        random = np.random.default_rng(0)
        codes, target = random.integers(0, 3, (60, 1)).astype(float), random.normal(size=(60, 1))
        weight = random.gamma(2.0, 0.5, 60)
        told = TargetMeans(strength=4, parts=3, seed=5).fit_transform(codes, target, weight)[:, 0]
        part, overall = np.random.default_rng(5).integers(0, 3, 60), np.average(target[:, 0], weights=weight)
        for row in range(60):
            alike = (part != part[row]) & (codes[:, 0] == codes[row, 0])
            sums = (weight * target[:, 0])[alike].sum() + 4 * overall
            assert told[row] == pytest.approx(sums / (weight[alike].sum() + 4))

    def test_weights_of_one_change_nothing_and_a_weight_of_two_is_a_row_twice(self):
        random = np.random.default_rng(1)
        codes, target = random.integers(0, 9, (200, 3)).astype(float), random.normal(size=(200, 2))
        plain, ones = TargetMeans(), TargetMeans()
        assert np.array_equal(plain.fit_transform(codes, target), ones.fit_transform(codes, target, np.ones(200)))
        assert np.array_equal(plain.transform(codes), ones.transform(codes))
        weight, twice = np.repeat([1.0, 2.0], 100), np.append(np.arange(200), np.arange(100, 200))
        weighed, doubled = TargetMeans(), TargetMeans()
        weighed.fit_transform(codes, target, weight)
        doubled.fit_transform(codes[twice], target[twice])
        assert weighed.transform(codes) == pytest.approx(doubled.transform(codes))

    def test_where_no_row_has_a_weight_all_count_alike(self):
        codes, target = np.array([[0.0], [0], [1], [1]]), np.array([[1.0], [0], [1], [1]])
        assert TargetMeans().fit_transform(codes, target, np.zeros(4))[:, 0] == pytest.approx(np.full(4, 0.75))

    def test_each_class_has_a_column(self):
        codes = np.repeat([0.0, 1.0], 20)[:, None]
        assert TargetMeans().fit_transform(codes, np.eye(2)[codes[:, 0].astype(int)]).shape == (40, 2)


class TestDates:
    def test_a_date_is_told_by_its_parts_that_vary(self):
        frame = pd.DataFrame({"d": pd.to_datetime(["2024-01-01", "2024-03-05", None])})
        features = DateFeatures().fit(frame)
        assert features.names_ == ["d:days", "d:month", "d:day", "d:yearday", "d:weekday"]
        row = dict(zip(features.names_, features.transform(frame)[1], strict=True))
        assert row == {"d:days": 19787, "d:month": 3, "d:day": 5, "d:yearday": 65, "d:weekday": 1}
        assert np.isnan(features.transform(frame)[2]).all()

    @given(st.lists(st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31)), min_size=1, max_size=20))
    def test_the_parts_of_a_date_alone_are_those_among_many(self, moments):
        dates = pd.DataFrame({"d": np.array([*moments, *[np.datetime64("NaT")] * 9], dtype="datetime64[ns]")})
        features = DateFeatures(cyclic=True)
        features.names_ = list(features._all(Look(dates)))
        among = features.transform(dates)
        alone = np.vstack([features.transform(dates.iloc[[row]]) for row in range(len(dates))])
        assert np.array_equal(among, alone, equal_nan=True)

    def test_of_a_calendar_only_what_comes_again_is_told(self):
        frame = pd.DataFrame({"d": pd.to_datetime(["2023-01-01 10:30", "2024-03-05 11:00"])})
        assert DateFeatures(["d"]).fit(frame).names_ == ["d:month", "d:day", "d:yearday", "d:weekday", "d:hour"]

    def test_two_dates_give_the_days_between_them(self):
        frame = pd.DataFrame(
            {"a": pd.to_datetime(["2024-01-01"] * 2), "b": pd.to_datetime(["2024-01-02", "2024-01-09"])}
        )
        features = DateFeatures().fit(frame)
        assert features.transform(frame)[:, features.names_.index("b-a")].tolist() == [1, 8]

    def test_december_lies_beside_january_on_a_circle(self):
        frame = pd.DataFrame({"d": pd.to_datetime(["2024-12-15", "2024-01-15", "2024-06-15"])})
        features = DateFeatures(cyclic=True).fit(frame)
        places = [place for place, name in enumerate(features.names_) if name in ("d:month:sin", "d:month:cos")]
        december, january, june = features.transform(frame)[:, places]
        assert np.linalg.norm(december - january) < np.linalg.norm(december - june)


class TestNumbers:
    def test_outliers_are_bent_in_and_gaps_marked(self):
        scaled = SmoothScaler().fit(np.array([[1.0], [2.0], [3.0], [4.0], [1e9], [np.nan]]))
        told = scaled.transform(np.array([[3.0], [1e9], [np.nan], [np.inf]]))
        assert told[:, 0].tolist() == pytest.approx([0, 3, 0, 3], abs=0.01)
        assert told[:, 1].tolist() == [0, 0, 1, 0]

    def test_a_column_of_one_value_or_none_is_harmless(self):
        scaled = SmoothScaler().fit(np.array([[1.0, np.nan], [1.0, np.nan]]))
        assert np.isfinite(scaled.transform(np.array([[5.0, 2.0]]))).all()


class TestTexts:
    @pytest.mark.parametrize("components", [0, 3])
    def test_texts_of_the_same_words_lie_closer(self, components):
        known = texts(*["the red car is fast", "a fast red car", "the soup was cold", "cold soup again"] * 5)
        features = TextFeatures(components=components).fit(known)
        told = features.transform(texts("red fast car", "the red car", "cold soup"))
        told = told.toarray() if sparse.issparse(told) else told
        words = told[:, 5:]
        assert np.linalg.norm(words[0] - words[1]) < np.linalg.norm(words[0] - words[2])

    def test_names_are_told_by_their_letters(self):
        features = TextFeatures("letters", components=5).fit(
            texts("Senior Clerk", "Sr. Clerk", "Nurse", "Head Nurse", "Cook")
        )
        told = features.transform(texts("Sen. Clerk", "Senior Clerk", "Nurse"))[:, 5:]
        assert told[0] @ told[1] > told[0] @ told[2]

    @pytest.mark.parametrize(
        "values", [["", "", ""], [None, None], ["!", "?"], ["one"], ["only", "different", "words"]]
    )
    def test_texts_that_say_nothing_are_harmless(self, values):
        features = TextFeatures().fit(texts(*values))
        assert np.isfinite(features.transform(texts("something new", None))).all()

    def test_what_words_say_of_the_target_is_told_of_new_texts(self):
        known = texts(*[f"{word} thing number {i % 9}" for i in range(60) for word in ("good", "bad")])
        features = TextFeatures(components=3)
        features.fit_transform(known, np.tile([[1.0], [0.0]], (60, 1)))
        good, bad, neither = features.transform(texts("a good film", "a bad film", "never seen"))[:, -1]
        assert bad < neither < good
        assert neither == pytest.approx(0.5, abs=0.1)

    def test_no_row_is_told_its_own_target_by_its_words(self):
        """Rare words and a random target: a model shown its own rows would know them all."""
        random = np.random.default_rng(0)
        known = texts(*[" ".join(f"word{i}" for i in row) for row in random.integers(0, 500, (400, 8))])
        target = random.integers(0, 2, (400, 1)).astype(float)
        features = TextFeatures(components=3)
        told = features.fit_transform(known, target)[:, -1]
        assert abs(np.corrcoef(told, target[:, 0])[0, 1]) < 0.15
        assert np.corrcoef(features.transform(known)[:, -1], target[:, 0])[0, 1] > 0.4

    def test_what_words_say_is_learned_from_rows_by_their_weight(self):
        known = texts(*["good thing", "bad thing", "good thing", "bad thing"] * 30)
        target = np.tile([[1.0], [0.0], [0.0], [1.0]], (30, 1))
        told = {}
        for name, weight in (("plain", None), ("ones", np.ones(120)), ("first", np.tile([1.0, 1, 0, 0], 30))):
            features = TextFeatures(components=2)
            seen = features.fit_transform(known, target, weight)
            told[name] = seen, features.transform(texts("good thing", "bad thing"))[:, -1]
        assert np.array_equal(told["plain"][0], told["ones"][0])
        assert told["plain"][1] == pytest.approx([0.5, 0.5], abs=0.01)
        assert told["first"][1] == pytest.approx([1, 0], abs=0.1)
        assert (np.tile([1, 0], 60) - told["first"][0][:, -1]) == pytest.approx(np.zeros(120), abs=0.1)

    @pytest.mark.parametrize(
        "make", [TableEncoder, partial(TableEncoder, style="linear"), DenseEncoder, PreparedEncoder]
    )
    def test_every_encoder_tells_the_target_of_rows_by_their_weight(self, make):
        frame, target = mixed(), np.arange(300) % 2
        weight = np.where(target == 1, 3.0, 1.0) / 2
        matrices = [
            make(kinds={"many": "category", "note": "text"}, classes=2).fit_transform(frame, target, each)
            for each in (None, np.ones(300), weight)
        ]
        plain, ones, weighed = (each.toarray() if sparse.issparse(each) else each for each in matrices)
        assert np.array_equal(plain, ones, equal_nan=True)
        assert not np.array_equal(plain, weighed, equal_nan=True)

    @pytest.mark.parametrize(
        "make", [TableEncoder, partial(TableEncoder, style="linear"), DenseEncoder, PreparedEncoder]
    )
    def test_what_names_say_of_the_target_is_told_of_names_never_seen(self, make):
        """Sixty chiefs and sixty clerks, each title once in training: a mean of its own no new title can have."""
        titles = [f"{rank} of section {number}" for rank in ("chief", "clerk") for number in range(60)]
        frame = pd.DataFrame({"title": np.array(titles * 3, dtype=object)})
        target = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 60)
        encoder = make(kinds={"title": "category"}, classes=0)
        encoder.fit_transform(frame, target)
        new = encoder.transform(pd.DataFrame({"title": texts("chief of section 99", "clerk of section 99")}))
        chief, clerk = new.toarray() if sparse.issparse(new) else new
        assert np.nanmax(np.abs(chief - clerk)) > 0.3

    def test_no_row_is_told_its_own_target_by_its_name(self):
        random = np.random.default_rng(0)
        frame = pd.DataFrame({"id": texts(*[f"{number:05d}" for number in random.permutation(10**5)[:400]])})
        target = random.normal(size=400)
        matrix = TableEncoder({"id": "category"}, "trees").fit_transform(frame, target)
        told = matrix[:, np.nanstd(matrix, axis=0) > 0]
        assert np.nanmax(np.abs(np.corrcoef(told.T, target)[-1, :-1])) < 0.2

    def test_a_linear_model_gets_a_column_for_every_level_and_word(self):
        frame = mixed()
        encoder = TableEncoder({"many": "category"}, "linear", classes=12)  # too many classes for means
        matrix = sparse.csr_matrix(encoder.fit_transform(frame, np.arange(300) % 12))
        assert matrix.shape[1] > frame["many"].nunique()
        apart = matrix[frame.drop_duplicates("many").index].toarray()
        assert len(np.unique(apart, axis=0)) == frame["many"].nunique()

    def test_a_text_column_gives_trees_a_column_for_each_class_up_to_ten(self):
        frame = mixed()
        widths = [
            TableEncoder({"note": "text"}, "trees", classes).fit_transform(frame, np.arange(300) % classes).shape[1]
            for classes in (2, 3, 10, 11)
        ]
        assert np.diff(widths).tolist() == [2, 7, -10]


def mixed(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "n": random.normal(size=rows),
            "few": random.choice(list("abc"), rows).astype(object),
            "many": np.array([f"level {i}" for i in random.integers(0, 150, rows)], dtype=object),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 99, rows), unit="D"),
            "note": np.array([f"word{i} and word{i % 7}" for i in random.integers(0, 30, rows)], dtype=object),
        }
    )


KINDS = {"n": "number", "few": "category", "many": "category", "day": "date", "note": "text"}


class TestTable:
    @pytest.mark.parametrize("classes", [0, 2, 3, 12])
    @pytest.mark.parametrize("style", ["trees", "linear"])
    def test_new_rows_get_the_columns_that_training_rows_got(self, style, classes):
        frame = mixed()
        target = np.arange(300) % classes if classes else np.arange(300.0)
        encoder = TableEncoder(KINDS, style, classes)
        matrix = encoder.fit_transform(frame, target)
        assert matrix.shape[1] == encoder.transform(frame.head(3)).shape[1]
        assert all(np.nanmax(matrix[:, place]) < 100 for place in encoder.categorical_)

    def test_a_linear_model_gets_no_gaps(self):
        frame = mixed().mask(np.random.default_rng(0).random((300, 5)) < 0.2)
        matrix = TableEncoder(KINDS, "linear", 2).fit_transform(frame, np.arange(300) % 2)
        assert np.isfinite(matrix.toarray() if sparse.issparse(matrix) else matrix).all()

    def test_a_table_of_one_kind_is_enough(self):
        for name, kind in KINDS.items():
            for style in ("trees", "linear"):
                matrix = TableEncoder({name: kind}, style, 2).fit_transform(mixed(40)[[name]], np.arange(40) % 2)
                assert matrix.shape[0] == 40
                assert matrix.shape[1] >= 1


@pytest.mark.parametrize(("seen", "told"), [(4, True), (40, False)])
def test_the_letters_of_names_are_told_where_each_is_rare(seen, told):
    """Of what is seen often its own mean tells more."""
    names = [f"{first}{second} of {third}" for first in "abcd" for second in "efgh" for third in "xyz"] * seen
    frame = pd.DataFrame({"name": texts(*names)})
    target = np.random.default_rng(0).normal(size=len(names))
    for style in ("trees", "linear"):
        encoder = TableEncoder({"name": "category"}, style)
        encoder.fit_transform(frame, target)
        assert bool(encoder.texts_) is told
