"""Pictures of how well predictions fit the truth, from plain arrays: panels, and one picture per kind of task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn import metrics as sk

from workbench.pages.picture import BLUE, INK, MUTED, ORANGE, Picture, draw
from workbench.pages.words import count, number, quoted, share, shorten

Array = npt.NDArray[Any]
MOST_POINTS = 2_000  # more only blacken a scatter plot


def binary_performance(truth: npt.ArrayLike, probability: npt.ArrayLike) -> Picture:
    """Draw ROC, and precision against recall: what every threshold makes of the probabilities.

    Parameters
    ----------
    truth : array_like of bool, shape (n_rows,)
        True where the row is of the positive class.
    probability : array_like, shape (n_rows,)
        Predicted probability of the positive class.
    """
    hit, p = np.asarray(truth, dtype=bool), np.asarray(probability, dtype=float)

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        roc_panel(left, hit, p)
        precision_recall_panel(right, hit, p)

    alt = (
        f"How good the predictions are, in two charts: ROC curve (area {number(_auc(hit, p))}), and precision against "
        f"recall, where {share(float(hit.mean()))} of the rows are positive."
    )
    return draw(paint, size=(8.4, 3.9), alt=alt)


def multiclass_performance(truth: npt.ArrayLike, prediction: npt.ArrayLike, *, classes: Sequence[Any]) -> Picture:
    """Draw which class is taken for which, and how often each class is found and is right when called."""
    true, said = np.asarray(truth, dtype=object), np.asarray(prediction, dtype=object)
    matrix = _confusion(true, said, classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.diag(matrix) / matrix.sum(axis=1)
    weakest = int(np.nanargmin(found))
    off = matrix - np.diag(np.diag(matrix))
    row, column = divmod(int(off.argmax()), len(classes))
    rarely = f"{quoted(classes[weakest])} is found least often ({share(float(found[weakest]))} of its rows)."
    taken = f"{quoted(classes[row])} taken for {quoted(classes[column])}"
    mixed = f"Most often mixed up: {taken} ({count(int(off.max()), 'row')})."

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        confusion_panel(left, matrix, [shorten(label, 14) for label in classes])
        class_panel(right, matrix, [shorten(label, 14) for label in classes])

    alt = f"Which class is taken for which. {rarely} {mixed if off.any() else ''}".rstrip()
    return draw(paint, size=(9.2, max(3.6, 1.9 + 0.26 * len(classes))), alt=alt)


def regression_performance(truth: npt.ArrayLike, prediction: npt.ArrayLike, *, target: str) -> Picture:
    """Draw predicted against actual values, and the errors along the prediction."""
    y, said = np.asarray(truth, dtype=float), np.asarray(prediction, dtype=float)
    errors = y - said
    typical, large = np.quantile(np.abs(errors), [0.5, 0.95])

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        predicted_panel(left, y, said, target)
        residual_panel(right, said, errors, target)

    alt = (
        f"Predicted against actual {target}, and the errors. Half of the predictions are within {number(typical)} "
        f"of the truth, 95 % within {number(large)}."
    )
    return draw(paint, size=(8.4, 3.9), alt=alt)


def roc_panel(axes: Axes, hit: Array, probability: Array) -> None:
    """Draw the share of hits found against the share of false alarms."""
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="coin toss")
    if 0 < hit.sum() < len(hit):
        wrong, right, _ = sk.roc_curve(hit, probability)
        axes.plot(wrong, right, color=BLUE, label="model")
    axes.set(title=f"Telling them apart: ROC AUC {number(_auc(hit, probability), 3)}")
    axes.set(xlabel="false alarms, share of the others", ylabel="hits found, share of the positives")
    _square(axes)
    axes.legend(loc="lower right")


def precision_recall_panel(axes: Axes, hit: Array, probability: Array) -> None:
    """Draw how many of those called are hits, against how many hits are found."""
    base = float(hit.mean())
    axes.axhline(base, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=f"share of positives: {share(base)}")
    if hit.any():
        precision, recall, _ = sk.precision_recall_curve(hit, probability)
        axes.plot(recall, precision, color=BLUE, drawstyle="steps-post", label="model")
    axes.set(title="The price of finding more")
    axes.set(xlabel="hits found (recall)", ylabel="right when called (precision)")
    _square(axes)
    axes.legend(loc="lower left")


def confusion_panel(axes: Axes, matrix: Array, names: Sequence[str]) -> None:
    """Draw how many rows of each true class were called what; colour is the share of the true class."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.nan_to_num(matrix / matrix.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    axes.grid(visible=False)
    if len(names) <= 12:
        small = 9.5 if len(names) <= 4 else 7.5
        for (row, column), rows in np.ndenumerate(matrix):
            color = "white" if shares[row, column] > 0.6 else INK
            text = f"{rows:,}\n{share(shares[row, column])}" if len(names) <= 4 else f"{rows:,}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=small)
    slanted = sum(map(len, names)) > 40
    size = 8.5 if len(names) <= 12 else 6.5
    axes.set_xticks(
        range(len(names)), names, rotation=40 if slanted else 0, ha="right" if slanted else "center", fontsize=size
    )
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.spines[:].set_visible(False)
    axes.set(title="What was called what (rows)", xlabel="predicted", ylabel="true")


def class_panel(axes: Axes, matrix: Array, names: Sequence[str]) -> None:
    """Draw for each class how many of its rows are found, and how many of those called by its name are."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.diag(matrix) / matrix.sum(axis=1)
        right = np.diag(matrix) / matrix.sum(axis=0)
    places = np.arange(len(names))[::-1]
    axes.hlines(places, 0, 1, color="#eef1f4", linewidth=0.8)
    axes.plot(found, places, "o", color=BLUE, markersize=6, label="found (recall)")
    axes.plot(right, places, "D", color=ORANGE, markersize=4.5, label="right when called (precision)")
    axes.set_yticks(places, names, fontsize=8.5 if len(names) <= 12 else 6.5)
    axes.set(title="Class by class", xlabel="share of rows", xlim=(-0.03, 1.03), ylim=(-0.7, len(names) - 0.3))
    axes.grid(visible=False, axis="y")
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.42, -0.52 / (0.9 + 0.26 * len(names))),
        ncols=2,
        columnspacing=1.0,
        handletextpad=0.2,
    )


def predicted_panel(axes: Axes, truth: Array, prediction: Array, target: str) -> None:
    """Draw predictions against the truth; on the diagonal they are equal."""
    rows = _some(len(truth))
    low, high = float(min(truth.min(), prediction.min())), float(max(truth.max(), prediction.max()))
    axes.scatter(prediction[rows], truth[rows], s=9, color=BLUE, alpha=0.35, linewidths=0)
    axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(title="On the dashed line, the prediction is exact")
    axes.set(xlabel=f"predicted {shorten(target, 24)}", ylabel=f"actual {shorten(target, 24)}")
    axes.xaxis.set_major_locator(MaxNLocator(6))


def residual_panel(axes: Axes, prediction: Array, errors: Array, target: str) -> None:
    """Draw errors along the prediction, with their middle and the band that holds 80 % of them."""
    rows = _some(len(errors))
    axes.scatter(prediction[rows], errors[rows], s=9, color=BLUE, alpha=0.25, linewidths=0)
    axes.axhline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    parts = np.array_split(np.argsort(prediction, kind="stable"), min(12, max(1, len(errors) // 25)))
    middles = [float(prediction[part].mean()) for part in parts]
    low, middle, high = np.array([np.quantile(errors[part], [0.1, 0.5, 0.9]) for part in parts]).T
    axes.fill_between(middles, low, high, color=ORANGE, alpha=0.18, linewidth=0, label="80 % of errors")
    axes.plot(middles, middle, color=ORANGE, label="middle error")
    axes.set(title="Errors, along the prediction")
    axes.set(xlabel=f"predicted {shorten(target, 24)}", ylabel="actual − predicted")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.legend(loc="upper left")


def wilson(hits: Array, rows: Array) -> tuple[Array, Array]:
    """Give the 95 % interval of a share (Wilson 1927): sane near 0 and 1 and for few rows."""
    z = 1.96
    middle = (hits + z * z / 2) / (rows + z * z)
    half = z / (rows + z * z) * np.sqrt(hits * (rows - hits) / rows + z * z / 4)
    return middle - half, middle + half


def _auc(hit: Array, probability: Array) -> float:
    return float(sk.roc_auc_score(hit, probability)) if 0 < hit.sum() < len(hit) else float("nan")


def _confusion(truth: Array, prediction: Array, classes: Sequence[Any]) -> Array:
    code = {label: place for place, label in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, ([code[label] for label in truth], [code[label] for label in prediction]), 1)
    return matrix


def _some(rows: int) -> Array:
    return np.random.default_rng(0).permutation(rows)[:MOST_POINTS]


def _square(axes: Axes) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
