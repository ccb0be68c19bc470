"""What a user can cause or cure: one root, few children, each a single clear line.

A message says what is wrong, which thing it is about, and what to do. Arguments go to ``super().__init__``, so an
error survives the wall between kernel and driver: `as_document` and `from_document` carry it across as JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches


class WorkbenchError(Exception):
    """Something a user caused or can cure, told in one line."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: a notebook shows the one line, not a page of frames."""
        return [f"{type(self).__name__}: {self}"]


class UnknownName(WorkbenchError):
    """A name that stands for nothing: a template, parameter, column, metric, model."""

    def __init__(self, what: str, name: str, known: Collection[str]) -> None:
        self.what, self.name, self.known = what, name, sorted(map(str, known))
        super().__init__(what, name, self.known)

    def __str__(self) -> str:
        by_lower = {known.lower(): known for known in self.known}
        near = get_close_matches(self.name.lower(), by_lower, n=1)
        hint = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
        shown = ", ".join(self.known[:20]) + (f", … ({len(self.known)} in all)" if len(self.known) > 20 else "")
        return f"There is no {self.what} {self.name!r}.{hint} Known: {shown or 'none yet'}."


class Problem(WorkbenchError):
    """A thing, what is wrong with it, and what to do about it."""

    what = "input"

    def __init__(self, which: str, problem: str, remedy: str = "") -> None:
        self.which, self.problem, self.remedy = str(which), problem, remedy
        super().__init__(self.which, problem, remedy)

    def __str__(self) -> str:
        return f"The {self.what} {self.which!r} {self.problem}.{' ' + self.remedy if self.remedy else ''}"


class BadTable(Problem):
    """A file that cannot be read as a table."""

    what = "table"


class BadColumn(Problem):
    """A column that cannot play the part it was given (target, group, time, weight)."""

    what = "column"


class BadTemplate(Problem):
    """A notebook that is not a template: no parameters cell, or one that cannot be read."""

    what = "template"


class BadReference(Problem):
    """A reference that matches no experiment or model, or several."""

    what = "reference"


class BadArtifact(Problem):
    """A zip, experiment, bundle or model folder that is damaged or not one of ours."""

    what = "artifact"


class BadOutput(Problem):
    """A file that was to be written and cannot be."""

    what = "output"


class BadAddress(Problem):
    """A URL that nothing can be brought to, or got from."""

    what = "address"


class BadPrice(Problem):
    """What is to be reckoned with as a price and is none."""

    what = "price"


class BadFilter(Problem):
    """A filter of a list of experiments that cannot be read."""

    what = "filter"


class BadNote(Problem):
    """A note or a tag that cannot be one."""

    what = "note"


class BadKey(Problem):
    """A key that cannot sign, or did not."""

    what = "key"


class StoreError(Problem):
    """A store that cannot be read or written."""

    what = "store"


class BadEnvironment(Problem):
    """An environment of locked packages that cannot be had."""

    what = "environment of"


class NoCluster(Problem):
    """A Dask cluster that cannot be worked with."""

    what = "cluster"


class NoAnswer(WorkbenchError):
    """A kernel that lives, and does not answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(seconds)

    def __str__(self) -> str:
        return (
            f"The kernel did not answer within {self.seconds:g} s: the machine is too busy, or short of memory. "
            "Run it again with less beside it; a batch, with fewer workers."
        )


class BadParameters(WorkbenchError):
    """Everything that is wrong with the values given for a template, reported at once."""

    def __init__(self, problems: Collection[str]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return " ".join(self.problems)


class BadBatch(WorkbenchError):
    """Everything that is wrong with a batch, reported at once: one line for each mistake, with its place."""

    def __init__(self, which: str, problems: Collection[str]) -> None:
        self.which, self.problems = which, list(problems)
        super().__init__(which, self.problems)

    def __str__(self) -> str:
        told = [problem if problem.endswith("?") else f"{problem}." for problem in self.problems]
        if len(told) == 1:
            return f"The batch {self.which!r} cannot be run: {told[0]}"
        shown = [f"  {problem}" for problem in told[:20]]
        more = [f"  … and {len(self.problems) - 20:,} more."] if len(self.problems) > 20 else []
        return "\n".join([f"The batch {self.which!r} has {len(self.problems):,} mistakes:", *shown, *more])


class BudgetTooShort(WorkbenchError):
    """The budget ran out before one model was fitted."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(seconds)

    def __str__(self) -> str:
        return f"The budget of {self.seconds:g} s ended before a first model was fitted. Give it more: -p budget=60s."


def as_document(error: BaseException) -> dict[str, object]:
    """Describe an error as JSON: its type, arguments and message."""
    arguments = list(error.args) if isinstance(error, WorkbenchError) else [str(error)]
    return {"type": type(error).__name__, "arguments": arguments, "message": str(error)}


def from_document(document: Mapping[str, object]) -> WorkbenchError:
    """Build the error again on the other side of the wall; an unknown type becomes a plain `WorkbenchError`."""
    kinds = {kind.__name__: kind for kind in _descendants(WorkbenchError)}
    kind, arguments = kinds.get(str(document.get("type"))), document.get("arguments")
    if kind is None or not isinstance(arguments, list):
        return WorkbenchError(str(document.get("message", "")))
    return kind(*arguments)


def _descendants(kind: type[WorkbenchError]) -> list[type[WorkbenchError]]:
    return [kind, *(grand for child in kind.__subclasses__() for grand in _descendants(child))]
