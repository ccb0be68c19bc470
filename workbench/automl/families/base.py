"""What a family of models is to the search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import optuna
from scipy.stats import skew

from workbench.estimators.rounds import Held
from workbench.metrics import power_of_two

Array = npt.NDArray[Any]
Parameters = dict[str, Any]
SCALE = "target_scale"  # the parameter that says whether the target is learned as it is or as its logarithm
SCALES = ["plain", "log"]
SKEWED = 0.75  # skewness of a target from which on its logarithm is worth a trial
COLUMNS_IN_FULL, FEWEST_BINS = 120, 31
TREES = 60  # of a forest: more cost time and memory, and an ensemble's other members smooth what is left
# Times as many of a forest that is fitted on all rows: there it is one in place of the average of several. Twice to
# four times as many lowered the loss of whole ensembles by 0.3 to 1.7 % on two tables; twice take less to predict by
# than those of all folds did.
MORE_TREES = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for every trial of a search: decided by the task and the planner, not by the sampler.

    Attributes
    ----------
    classes
        Number of classes; 0 for a regression.
    rows, columns
        Size of the table.
    learning_rate
        Of boosting: a question of how much time there is, so it is the planner's.
    threads
        For one fit.
    trees
        Most trees of a forest in a fold: as many as fit into memory.
    skewed
        Whether an amount is predicted whose logarithm is less skewed.
    extreme
        Whether numbers are predicted that are learned in another unit than their own.
    """

    kind: Literal["binary", "multiclass", "regression"]
    metric: str
    classes: int
    rows: int
    columns: int
    learning_rate: float = 0.1
    rounds: int = 2000
    threads: int = 1
    trees: int = TREES
    skewed: bool = False
    extreme: bool = False


def on_both_scales(portfolio: Sequence[Parameters], setting: Setting, twice: int) -> list[Parameters]:
    """Let the first of a portfolio be tried on the logarithm of a skewed target, too, each right after the plain one.

    Measured on four tables (prices, counts, rates, salaries): an ensemble that may choose such members has an error
    lower by 0.1 to 5 %.
    """
    if not setting.skewed:
        return list(portfolio)
    return [
        {**parameters, SCALE: scale}
        for place, parameters in enumerate(portfolio)
        for scale in (SCALES if place < twice else SCALES[:1])
    ]


def suggested_scale(trial: optuna.Trial, setting: Setting) -> Parameters:
    """Let the sampler choose the scale of a skewed target."""
    return {SCALE: trial.suggest_categorical(SCALE, SCALES)} if setting.skewed else {}


def bins(setting: Setting, most: int) -> int:
    """How many bins the values of a column are sorted into: fewer where columns are many, for a round costs by both.

    Measured on 4,000 rows of 1,500 columns: 31 bins take a quarter of the time of 255, and the AUC is 0.844 in place of
    0.847; on 11,000 rows of 127 columns 63 bins lose nothing.
    """
    return max(FEWEST_BINS, min(most, most * COLUMNS_IN_FULL // max(setting.columns, 1)))


def is_skewed(target: Array) -> bool:
    """Whether a target is never negative, has a long tail of large values, and a logarithm without one."""
    if target.min() < 0:
        return False
    plain, log = float(skew(target / power_of_two(target))), float(skew(np.log1p(target)))
    return plain > SKEWED and abs(log) < plain


class Learner(Protocol):
    """A model being fitted on an encoded matrix.

    It says how it went in `boosted_` (rounds, trees or epochs that were made; 1 where there are none), `rounds_` (those
    it predicts by) and `cut_` (by the clock). With a number of rounds given and no rows to stop by it makes exactly so
    many, so that a fit can be made again.
    """

    boosted_: int
    rounds_: int
    cut_: bool

    def fit(
        self,
        matrix: Any,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Held | None = None,
        categorical: Sequence[int] = (),
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,
    ) -> Any:
        """Fit; end early with what there is when `out_of_time` says so."""

    def settle(self, rounds: int) -> None:
        """Keep so many rounds as the other folds found best: a fold's own choice would flatter its score."""

    def predict(self, matrix: Any) -> Array:
        """Class probabilities, shape (n_rows, n_classes), or values, shape (n_rows,)."""


class Family(Protocol):
    """A kind of model, and what is known of how to set it up."""

    @property
    def name(self) -> str:
        """As it stands on the leaderboard."""

    @property
    def style(self) -> Literal["trees", "linear", "dense", "prepared"]:
        """How it wants the table encoded: see `workbench.automl.fitting.encodings.ENCODERS`."""

    @property
    def cost(self) -> float:
        """A first guess of how long a fit takes, relative to LightGBM; the planner corrects it."""

    @property
    def ends_early(self) -> bool:
        """Whether the clock can end a fit with what there is: such a family is tried once even if it seems too slow."""

    @property
    def stops_by_rows(self) -> bool:
        """Whether rows held back tell it when to stop: a family that does not use them learns from them."""

    @property
    def side_by_side(self) -> bool:
        """Whether folds may be fitted in threads side by side; else they are fitted one after the other."""

    @property
    def most_rows(self) -> int:
        """Training rows beyond which it learns from a sample."""

    def portfolio(self, setting: Setting) -> list[Parameters]:
        """Parameters that are good on many tables, best first: each is tried before the sampler begins.

        None at all says that the family is not for such a table.
        """

    def suggest(self, trial: optuna.Trial, setting: Setting) -> Parameters:
        """Parameters the sampler would like to try; the space holds the portfolio."""

    def build(self, parameters: Parameters, setting: Setting, *, seed: int) -> Learner:
        """Make a learner to be fitted on one fold."""
