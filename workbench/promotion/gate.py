"""The gate: a candidate, what is live and the policy become verdicts that explain themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.documents.bundle import Golden
from workbench.pages.words import measured
from workbench.promotion.policy import Policy
from workbench.records import Check, Score, Verdict


@dataclass(frozen=True, slots=True)
class Contender:
    """What the gate needs to know of one model: the candidate, or the one that is live.

    `question` is what it predicts in plain words (kind and target); `data` is the digest of the rows it was scored on.
    """

    experiment: str
    metric: str
    scores: Mapping[str, Score]
    question: str = ""
    data: str = ""

    @property
    def rows(self) -> int | None:
        """How many rows it was scored on."""
        score = self.scores.get(self.metric)
        return None if score is None else score.rows


def judge(
    candidate: Contender, live: Contender | None, *, checks: Sequence[Check], status: str, policy: Policy
) -> list[Verdict]:
    """Judge a candidate on everything the policy asks for; all verdicts are given, whether or not one fails."""
    return [
        completed(status),
        no_blocking_check(checks, policy.allow_checks),
        same_question(candidate, live),
        beats_live(candidate, live, policy),
    ]


def completed(status: str) -> Verdict:
    """Pass when the run came to its end."""
    because = "the run completed" if status == "completed" else f"the run ended as {status!r}"
    return Verdict("completed", status == "completed", because)


def no_blocking_check(checks: Iterable[Check], allowed: Sequence[str] = ()) -> Verdict:
    """Pass when no data check blocks, or the policy allows each that does."""
    blocking = [check for check in checks if check.level == "block"]
    standing = [check for check in blocking if check.name not in allowed]
    if standing:
        told = "; ".join(f"{check.name}: {check.message}" for check in standing)
        return Verdict("no_blocking_check", False, f"the data has findings that block ({told})")
    names = ", ".join(sorted({check.name for check in blocking}))
    because = f"the policy allows the findings that block ({names})" if blocking else "no finding about the data blocks"
    return Verdict("no_blocking_check", True, because)


def intact(problems: Sequence[str]) -> Verdict:
    """Pass when every file of the experiment is what was kept."""
    return Verdict("intact", not problems, "; ".join(problems[:3]) or "every file is what the run left")


def golden(proof: Golden | None, problem: str = "") -> Verdict:
    """Pass when the stored model says of its golden rows what it said when it was written."""
    if proof is None:
        return Verdict("golden_predictions", False, problem)
    if proof.difference == 0:
        return Verdict("golden_predictions", True, "the model predicts its golden rows the same to the last digit")
    because = "rounding on another machine" if proof.holds else "it is not the model that was scored"
    return Verdict("golden_predictions", proof.holds, f"they differ by up to {proof.difference:.1g}: {because}")


def same_question(candidate: Contender, live: Contender | None) -> Verdict:
    """Pass when the candidate predicts what the live model predicts."""
    if live is None or live.question == candidate.question:
        return Verdict("same_question", True, f"it predicts {candidate.question}")
    because = f"it predicts {candidate.question}, but the live model {live.question}; promote it under another name"
    return Verdict("same_question", False, because)


def beats_live(candidate: Contender, live: Contender | None, policy: Policy) -> Verdict:
    """Pass when the candidate is better than the live model by more than the policy's margin, on one metric."""
    metric = policy.metric or candidate.metric
    if problem := _incomparable(candidate, live, metric, policy):
        return Verdict("beats_live", False, problem)
    if live is None:
        return Verdict("beats_live", True, "nothing is live yet")
    one, other = candidate.scores[metric], live.scores[metric]
    gain = one.value - other.value if one.higher_is_better else other.value - one.value
    way = "improves" if gain > 0 else "worsens" if gain < 0 else "stays the same"
    told = f"{metric} {way}{f' by {abs(gain):.4g}' if gain else ''}, from {_score(other)} live to {_score(one)}"
    because = f"{told}; the policy asks for more than {policy.margin:+.4g}{_rows(candidate, live)}"
    return Verdict("beats_live", gain > policy.margin, because)


def _incomparable(candidate: Contender, live: Contender | None, metric: str, policy: Policy) -> str:
    if metric not in candidate.scores:
        return f"the experiment has no score for {metric or 'any metric'}"
    if live is None:
        return ""
    if live.experiment == candidate.experiment:
        return f"{candidate.experiment} is live already"
    if not policy.metric and live.metric != candidate.metric:
        remedy = "name the one to compare on in a policy (metric: ...)"
        return f"the candidate was searched by {candidate.metric}, the live model by {live.metric}; {remedy}"
    return "" if metric in live.scores else f"the live model has no score for {metric}"


def _score(score: Score) -> str:
    if score.low is None or score.high is None:
        return measured(score.value)
    return f"{measured(score.value)} [{measured(score.low)}, {measured(score.high)}]"


def _rows(candidate: Contender, live: Contender) -> str:
    if candidate.data != live.data:
        return " (the two were scored on different data, so chance plays a part)"
    if candidate.rows != live.rows:
        return f" (scored on {candidate.rows or 0:,} and {live.rows or 0:,} rows of the same data: chance plays a part)"
    return ""
