"""Small neural networks: scikit-learn's perceptrons, trained round by round under a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .link import probabilities_of
from .rounds import Held

Array = npt.NDArray[Any]
Layers = list[Array]  # weights and biases in turn: W1, b1, W2, b2, …
ROUND_ROWS = 10_000  # most rows of one round, so that the clock is asked often enough
FEWEST_STEPS, FEWEST_ROWS = 16, 4  # of a round, and of a step: small tables would hardly move the weights otherwise
MEMORY_OF_AVERAGE = 0.8  # about five rounds
SLICE = 4_096  # rows predicted at a time, so that hidden layers stay small
MARGIN = 0.1  # of the target's range: how far beyond it a prediction may lie


class NeuralNetwork(BaseEstimator):
    """A few multi-layer perceptrons that differ by their seeds, averaged.

    Each is trained by Adam at a constant rate, one pass over the rows a round (of tables beyond 10,000 rows, one part
    of them a round). What predicts is the running average of the weights over the last rounds, which settles as under a
    falling rate (Polyak and Juditsky 1992) without having to know when training will end; so whatever round the clock
    or the validation rows end it at is a good end. Weights are made a little smaller after each round, apart from the
    gradient (Loshchilov and Hutter 2019, arXiv 1711.05101): scikit-learn's own penalty fades under Adam.

    Only public methods and attributes of scikit-learn's classes are used; of its networks the weights alone are kept.

    Parameters
    ----------
    settings : dict
        ``layers`` (sizes of the hidden layers), ``activation`` (relu or tanh), ``learning_rate``, ``batch`` (rows of a
        step), ``decay`` (share of the weights taken away after a round), ``drop`` (share of inputs blotted out while
        training).
    classes
        Number of classes; 0 for a regression.
    rounds
        Most rounds.
    patience
        Rounds without progress before it stops; three tenths of the best round are added.
    networks
        How many networks are averaged.

    Attributes
    ----------
    rounds_, boosted_ : int
        The round whose weights predict, and how many were made.
    cut_ : bool
        Whether the clock ended training.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        classes: int = 0,
        rounds: int = 60,
        patience: int = 10,
        networks: int = 2,
        seed: int = 0,
    ) -> None:
        self.settings = settings
        self.classes = classes
        self.rounds = rounds
        self.patience = patience
        self.networks = networks
        self.seed = seed

    def fit(
        self,
        matrix: Array,
        target: Array,
        *,
        weight: Array | None = None,
        valid: Held | None = None,
        categorical: Sequence[int] = (),  # noqa: ARG002 - its encoder leaves no codes
        out_of_time: Callable[[], bool] | None = None,
        shared: dict[str, Any] | None = None,  # noqa: ARG002 - it makes nothing others could share
    ) -> NeuralNetwork:
        """Train the networks side by side, round by round.

        Parameters
        ----------
        target : ndarray, shape (n_rows,)
            Class numbers 0 … classes-1, or values.
        valid
            Rows to stop by. Without them all rounds are made.
        out_of_time
            Asked after each round; when true, training ends with the rounds there are.
        """
        if weight is not None and not np.all(weight > 0):  # a step of rows without weight would divide by zero
            matrix, target, weight = matrix[weight > 0], target[weight > 0], weight[weight > 0]
        self._measure(target, weight)
        told = target.astype(np.int64) if self.classes else self._standardised(target)
        parts = self._parts(np.ascontiguousarray(matrix, dtype=np.float32), told, weight)
        held = None if valid is None else (np.ascontiguousarray(valid[0], dtype=np.float32), *valid[1:])
        trained = [
            _Training(self._perceptron(number, len(told)), self.settings["decay"]) for number in range(self.networks)
        ]
        self._checkpoints: dict[int, list[Layers]] = {}
        best, self.cut_ = np.inf, False
        for made in range(1, self.rounds + 1):
            self._make_round(trained, *next(parts))
            self.boosted_ = made
            self.cut_ = made < self.rounds and out_of_time is not None and out_of_time()
            last = self.cut_ or made == self.rounds
            if not (last or _is_kept(made)):
                continue
            self._checkpoints[made] = [each.averaged for each in trained]
            loss = -made if held is None else self._loss(self._checkpoints[made], held)
            if loss < best or made == 1:
                best, self.rounds_ = loss, made
            if last or made - self.rounds_ > self.patience + 0.3 * self.rounds_:
                break
        self.layers_ = self._checkpoints[self.rounds_]
        return self

    def settle(self, rounds: int) -> None:
        """Predict by the kept weights nearest to that round, and let go of all others."""
        self.rounds_ = min(self._checkpoints, key=lambda made: (abs(made - rounds), made))
        self.layers_ = self._checkpoints[self.rounds_]
        self._checkpoints = {self.rounds_: self.layers_}

    def predict(self, matrix: Any) -> Array:
        """Give class probabilities, shape (n_rows, classes), or values, shape (n_rows,)."""
        networks = self._in_64_bits()
        slices = [matrix[start : start + SLICE] for start in range(0, max(len(matrix), 1), SLICE)]
        return np.concatenate([self._said(networks, np.asarray(rows, dtype=np.float64)) for rows in slices])

    def _in_64_bits(self) -> list[Layers]:
        """Give the weights that predict, made once for all rows to come.

        They are kept in 32 bits and reckoned with in 64, so that a row's prediction hangs neither on the rows beside it
        nor on the number of threads.
        """
        of, networks = self.__dict__.get("_wide", (None, []))
        if of is not self.layers_:
            networks = [[part.astype(np.float64) for part in layers] for layers in self.layers_]
            self._wide = self.layers_, networks
        return networks

    def _measure(self, target: Array, weight: Array | None) -> None:
        """Find the target's centre and spread, by which it is standardised, and its range."""
        if self.classes:
            return
        self.centre_ = float(np.average(target, weights=weight))
        spread = float(np.sqrt(np.average((target - self.centre_) ** 2, weights=weight)))
        self.spread_ = spread if spread > 0 else 1.0
        margin = MARGIN * float(target.max() - target.min())
        self.low_, self.high_ = float(target.min()) - margin, float(target.max()) + margin

    def _standardised(self, target: Array) -> Array:
        return ((target - self.centre_) / self.spread_).astype(np.float32)

    def _perceptron(self, number: int, rows: int) -> Any:
        kind = MLPClassifier if self.classes else MLPRegressor
        return kind(
            hidden_layer_sizes=tuple(self.settings["layers"]),
            activation=self.settings["activation"],
            learning_rate_init=self.settings["learning_rate"],
            batch_size=min(self.settings["batch"], rows, max(FEWEST_ROWS, rows // FEWEST_STEPS)),
            alpha=0.0,  # see `decay`
            # A generator rather than a number: partial_fit would begin anew with a number, and shuffle alike each time.
            random_state=np.random.RandomState([self.seed % 2**32, number]),
        )

    def _parts(self, matrix: Array, target: Array, weight: Array | None) -> Iterator[tuple[Array, Array, Array | None]]:
        """Give the rows of one round after the other, without end; inputs blotted out are others each time."""
        random, rows = np.random.default_rng(self.seed), len(target)
        pieces, drop = -(-rows // ROUND_ROWS), self.settings["drop"]
        while True:
            order = random.permutation(rows) if pieces > 1 else np.arange(rows)
            for places in np.array_split(order, pieces):
                seen = matrix[places] if pieces > 1 else matrix
                if drop:
                    seen = seen * (random.random(seen.shape, dtype=np.float32) >= drop) / np.float32(1 - drop)
                yield seen, target[places], None if weight is None else weight[places]

    def _make_round(self, trained: Sequence[_Training], seen: Array, told: Array, weight: Array | None) -> None:
        known = {"classes": np.arange(self.classes)} if self.classes else {}
        for each in trained:
            each.make_round(seen, told, weight, known)

    def _loss(self, networks: list[Layers], held: Held) -> float:
        """Log loss, or squared error, of the rows to stop by."""
        rows, truth, weight = held
        said = self._said(networks, rows)
        if self.classes:
            each = -np.log(np.clip(said[np.arange(len(said)), truth.astype(np.int64)], 1e-15, None))
        else:
            each = (said - truth) ** 2
        return float(np.average(each, weights=weight))

    def _said(self, networks: list[Layers], rows: Array) -> Array:
        """Average what the networks say, as probabilities or in the target's own unit."""
        outputs = [self._probabilities(_output(layers, rows, self.settings["activation"])) for layers in networks]
        mean = reduce(add, outputs) / len(outputs)
        return mean if self.classes else (mean[:, 0] * self.spread_ + self.centre_).clip(self.low_, self.high_)

    def _probabilities(self, output: Array) -> Array:
        scores = np.asarray(output, dtype=np.float64)
        return probabilities_of(scores[:, 0] if self.classes == 2 else scores) if self.classes else scores

    def __getstate__(self) -> dict[str, Any]:
        """Keep the weights that predict."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_checkpoints", "_wide")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "layers_" in state:
            self._checkpoints = {self.rounds_: self.layers_}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "layers_")


class _Training:
    """One perceptron being trained, and the running average of its weights."""

    def __init__(self, perceptron: Any, decay: float) -> None:
        self.perceptron, self.decay = perceptron, decay
        self.averaged: Layers = []
        self.made = 0

    def make_round(self, seen: Array, told: Array, weight: Array | None, known: dict[str, Any]) -> None:
        """Take one pass over some rows."""
        self.perceptron.partial_fit(seen, told, sample_weight=weight, **(known if not self.made else {}))
        pairs = zip(self.perceptron.coefs_, self.perceptron.intercepts_, strict=True)
        now = [part for pair in pairs for part in pair]
        # The first rounds are soon forgotten: they are of weights that had hardly begun to learn.
        kept = np.float32(min(MEMORY_OF_AVERAGE, self.made / (self.made + 5)))
        before = self.averaged or now
        self.averaged = [kept * old + (1 - kept) * new for old, new in zip(before, now, strict=True)]
        for coefficients in self.perceptron.coefs_:
            coefficients *= np.float32(1 - self.decay)
        self.made += 1


def _is_kept(made: int) -> bool:
    """Whether to keep the weights of a round: of each up to the eighth, then four for each doubling."""
    return made <= 8 or made % 2 ** (made.bit_length() - 3) == 0


def _output(layers: Layers, rows: Array, activation: str) -> Array:
    """Go through the layers; the last gives log odds, or standardised values."""
    for weights, biases in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        rows = rows @ weights + biases
        rows = np.maximum(rows, 0, out=rows) if activation == "relu" else np.tanh(rows, out=rows)
    return np.asarray(rows @ layers[-2] + layers[-1])
