"""A run and the same run made again: what is equal to the last bit, what differs, and what may be why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.comparison import alike
from workbench.comparison.alike import Counted, Number, Predictions, Row, is_replayed
from workbench.comparison.causes import Cause, causes
from workbench.comparison.difference import Difference, diff
from workbench.comparison.sections import NOTHING, Section, as_html, as_text, words
from workbench.experiment import Experiment
from workbench.pages.words import count, listing, measured, metric_name, sentence

MOST = 9  # kinds of things that are named in one sentence


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What two runs of the same request came to, side by side.

    `status` is how each ended, `reasons` why they did not complete. `replayed` says that the trials were those on
    record, fitted again: they prove nothing then. `counted` holds trials, leaderboard, model and outputs, as far as
    there are any; files the notebook wrote decide only where there is neither a score nor a prediction.
    """

    status: tuple[str, str]
    scores: tuple[Number, ...]
    predictions: Predictions | None
    counted: Mapping[str, Counted]
    causes: tuple[Cause, ...]
    replayed: bool = False
    sentences: tuple[str, ...] = ()
    reasons: tuple[str, str] = ("", "")

    @property
    def equal(self) -> bool:
        """Whether all that decides is equal to the last bit; of two that failed, why."""
        then, now = self.status
        return then == now and not self.failed_otherwise and all(part.equal == part.total for part in self._decisive())

    @property
    def failed_otherwise(self) -> bool:
        """Whether both failed, for reasons that are not the same."""
        return self.status == ("failed", "failed") and self.reasons[0] != self.reasons[1]

    def parts(self) -> dict[str, Counted]:
        """Count the equal among everything that was compared."""
        differ = [one.metric for one in self.scores if not one.equal]
        found = {"scores": Counted("score", "scores", len(self.scores), len(self.scores) - len(differ), tuple(differ))}
        if self.predictions is not None:
            rows = self.predictions
            found["predictions"] = Counted("prediction", "predictions", rows.total, rows.equal)
        return {name: part for name, part in {**found, **self.counted}.items() if part.total}

    def _decisive(self) -> list[Counted]:
        parts = self.parts()
        measured_too = "scores" in parts or "predictions" in parts
        return [part for name, part in parts.items() if not (name == "outputs" and measured_too)]

    def as_document(self) -> dict[str, Any]:
        """Give what was found as one JSON-able document."""
        return {
            "equal": self.equal,
            "status": dict(zip(("then", "now"), self.status, strict=True)),
            "reasons": dict(zip(("then", "now"), self.reasons, strict=True)),
            "replayed": self.replayed,
            "scores": [one.as_document() for one in self.scores],
            "predictions": None if self.predictions is None else self.predictions.as_document(),
            **{name: part.as_document() for name, part in self.counted.items()},
            "causes": [cause.as_document() for cause in self.causes],
            "sentences": list(self.sentences),
        }

    def sections(self) -> list[Section]:
        """Give what was found as sections to be laid out."""
        parts = (Section("What this says", self.sentences), *self._tables())
        return [part for part in parts if part.lines or part.rows]

    def _tables(self) -> Iterator[Section]:
        differing = [one for one in self.scores if not one.equal]
        yield Section("Scores that differ", (), ("", "of", "then", "now", "difference"), tuple(map(_score, differing)))
        rows = () if self.predictions is None else self.predictions.farthest
        yield Section("Predictions farthest apart", (), ("row", "", "then", "now"), tuple(map(_row, rows)))
        told = [(cause.kind, *change.cells(words)) for cause in self.causes for change in cause.changes]
        yield Section("Not as it was", (), ("", "", "then", "now"), tuple(told))

    def __repr__(self) -> str:
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        return as_html(self.sections())


def reproduction(then: Experiment, now: Experiment) -> Reproduction:
    """Set a run beside the one it was to reproduce.

    Parameters
    ----------
    then, now : Experiment
        The run as it was kept, and the one that was made of the same template and values.
    """
    replayed, differs = is_replayed(then, now), diff(then, now)
    compared = {
        "trials": None if replayed else alike.trials(then, now),
        "leaderboard": alike.leaderboard(then, now),
        "model": alike.model(then, now),
        "outputs": alike.outputs(then, now),
    }
    found = Reproduction(
        status=(then.status, now.status),
        scores=tuple(alike.scores(then, now)),
        predictions=alike.predictions(then.predictions(), now.predictions()),
        counted={name: part for name, part in compared.items() if part is not None and part.total},
        causes=tuple(causes(then, now, differs, replayed=replayed)),
        replayed=replayed,
        reasons=(then.reason, now.reason),
    )
    return replace(found, sentences=tuple(_sentences(found, then, now, differs)))


def _sentences(found: Reproduction, then: Experiment, now: Experiment, differs: Difference) -> Iterator[str]:
    """Say it in the order in which a reader asks: is it equal, if not by how much, and why."""
    if then.status != now.status:
        why = f": {now.reason.rstrip('.')}" if now.reason else ""
        yield f"It {_ended(then.status)} then, and {_ended(now.status)} now{why}."
    if found.failed_otherwise:
        before, after = (reason.rstrip(".") for reason in found.reasons)
        yield f"It failed then: {before}. It failed now for another reason: {after}."
    yield _verdict(found)
    yield from _sizes(found)
    if found.replayed:
        trials = count(len(then.trials()), "trial")
        yield f"The search is on record ({trials}): those that matter were fitted again, as they were."
    yield _reason(found)
    if not found.equal and now.score is not None:
        yield from differs.sentences


def _ended(status: str) -> str:
    return status if status in ("completed", "failed") else f"ended as {status.replace('_', ' ')}"


def _verdict(found: Reproduction) -> str:
    parts = found.parts().values()
    if not parts:
        return "It left nothing that could be compared: no score, no prediction, no file."
    if differing := [part for part in parts if part.equal < part.total]:
        told = [f"{part.total - part.equal:,} of {count(part.total, part.one, part.many)}" for part in differing]
        beginning = "Equal to the last bit, but for" if found.equal else "Not equal:"
        return f"{beginning} {listing(told, most=MOST)}{'' if found.equal else ' differ'}."
    told = [count(part.total, part.one, part.many) for part in parts]
    return f"{'Equal to the last bit' if found.equal else 'What there is is equal'}: {listing(told, most=MOST)}."


def _sizes(found: Reproduction) -> Iterator[str]:
    pairs = (one for one in found.scores if not one.equal and one.difference is not None)
    if (first := next(pairs, None)) is not None:
        then, now = told_apart(first.then, first.now)
        moved = f"was {then} and is {now}" if first.difference else "is the same, its interval is not"
        yield f"{sentence(metric_name(first.metric))}, of {first.of}, {moved}."
    rows = found.predictions
    if rows is None or rows.equal == rows.total:
        return
    if rows.largest:
        where = f", of row {rows.farthest[0].row:,}" if rows.farthest else ""
        yield f"The largest difference between two predictions is {rows.largest:.3g}{where}."
    for what, number in (
        ("Rows predicted to be something else", rows.called),
        ("Rows that stood in another fold", rows.refolded),
        ("Rows that had a prediction then only", rows.gone),
        ("Rows that have a prediction now only", rows.new),
    ):
        if number:
            yield f"{what}: {number:,}."


def _reason(found: Reproduction) -> str:
    told = "; ".join(cause.because for cause in found.causes)
    if found.equal:
        return f"Not as it was, and without effect: {told}." if told else "What it was made with is the same."
    if told:
        return f"What may be why: {told}."
    return (
        "Nothing that is on record differs. What remains is chance in the notebook (a part without a seed), or another "
        "processor, which may round otherwise."
    )


def told_apart(one: float | None, other: float | None) -> tuple[str, str]:
    """Write two numbers so that they can be told apart: with all their digits where fewer look the same.

    Examples
    --------
    >>> told_apart(0.5, 0.25), told_apart(0.1 + 0.2, 0.3), told_apart(None, 2.0)
    (('0.5000', '0.2500'), ('0.30000000000000004', '0.3'), ('–', '2.0000'))
    """
    short = [NOTHING if value is None else measured(value) for value in (one, other)]
    return (short[0], short[1]) if one == other or short[0] != short[1] else (repr(one), repr(other))


def _score(one: Number) -> tuple[str, ...]:
    by = NOTHING if one.difference is None else f"{one.difference:+.3g}"
    return (metric_name(one.metric), one.of, *told_apart(one.then, one.now), by)


def _row(one: Row) -> tuple[str, ...]:
    is_number = isinstance(one.then, float) and isinstance(one.now, float)
    told = told_apart(one.then, one.now) if is_number else (str(one.then), str(one.now))
    return (str(one.row), one.column, *told)
