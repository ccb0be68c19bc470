"""The steps of a pipeline: which of them needs which, and what a later one is told of an earlier one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

PATHS, TEXTS = ("outputs", "path"), ("ref", "status", "reason")  # what a reference may ask for
REFERENCE = re.compile(r"\{([\w-]+)\.([\w-]+)\}")
STANDS_FOR_A_PATH = re.compile(rf"/*(\{{[\w-]+\.(?:{'|'.join(PATHS)})\}})")
WHEN = ("completed", "failed", "always")


@dataclass(frozen=True, slots=True)
class Step:
    """One template of a batch: all of it, then without a name, or a step of its pipeline.

    Attributes
    ----------
    after : tuple of str
        Steps it comes after, besides those its parameters refer to.
    when : str
        What has to have become of those for it to begin: all ``completed``, one of them ``failed``, or whatever.
    labels : dict of str to str
        Added to those of the batch.
    timeout, memory, retries
        Limits of its runs, as of the batch.
    """

    name: str = ""
    template: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    when: Literal["completed", "failed", "always"] = "completed"
    labels: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    memory: str | None = None
    retries: int = 0

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that have to end before it begins."""
        return tuple(dict.fromkeys([*self.after, *(step for step, _ in references(self.parameters))]))

    @property
    def later(self) -> frozenset[str]:
        """Its parameters whose values are known only when it begins."""
        return frozenset(name for name, value in self.parameters.items() if any(references(value)))


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Find the references in a value, in its parts too: each a step, and what of it."""
    if isinstance(value, str):
        yield from REFERENCE.findall(value)
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from references(part)


def stand_in(value: Any) -> Any:
    """Write the references to folders as absolute paths: what is checked before they exist then stays as it is.

    >>> stand_in(["{prepare.outputs}/clean.parquet", "{prepare.ref}"])
    ['/{prepare.outputs}/clean.parquet', '{prepare.ref}']
    """
    return _each_text(value, lambda text: STANDS_FOR_A_PATH.sub(r"/\1", text))


def fill(value: Any, told: Mapping[str, Mapping[str, str]]) -> Any:
    """Put in place of references, stand-ins too, what is `told` of their steps; others stay.

    >>> fill("/{prepare.outputs}/clean.parquet", {"prepare": {"outputs": "/store/outputs"}})
    '/store/outputs/clean.parquet'
    """

    def known(found: re.Match[str]) -> str:
        step, what = found[1], found[2]
        return told[step][what] if step in told and what in told[step] else found[0]

    return _each_text(value, lambda text: REFERENCE.sub(known, STANDS_FOR_A_PATH.sub(r"\1", text)))


def told(status: str, reason: str = "", ref: str | None = None, path: Path | None = None) -> dict[str, str]:
    """Give what a step is told of one it goes on with, by the words of its references; nothing of what is not kept."""
    paths = {"path": "", "outputs": ""} if path is None else {"path": str(path), "outputs": str(path / "outputs")}
    return {"status": status, "reason": reason, "ref": ref or "", **paths}


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(part, change) for key, part in value.items()}
    return type(value)(_each_text(part, change) for part in value) if isinstance(value, list | tuple) else value


def goes_on(own: str, needed: Mapping[str, str]) -> str:
    """Fingerprint work that goes on with other work: made of its own fingerprint, and of those by the steps' names."""
    if not needed:
        return own
    together = hashlib.sha256(json.dumps([own, dict(needed)], sort_keys=True).encode())
    return f"sha256:{together.hexdigest()}"


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Sort steps, those first that need none; `mistakes` must have found none."""
    by_name = {step.name: step for step in steps}
    graph = {name: step.needs for name, step in by_name.items()}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]


def mistakes(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Find what is wrong in how steps go together: each mistake with its place."""
    names = [step.name for step in steps]
    found = [mistake for step in steps for mistake in _mistakes_of(step, names)]
    return found or _circle(steps)


def _mistakes_of(step: Step, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    place = f"steps.{step.name}"
    for name in step.after:
        if problem := _wrong_step(step, name, names):
            yield f"{place}.after", problem
    for parameter, value in step.parameters.items():
        for name, what in dict.fromkeys(references(value)):
            if problem := _wrong_step(step, name, names) or _wrong_word(name, what):
                yield f"{place}.parameters.{parameter}", problem
    if step.when != "completed" and not step.needs:
        yield f"{place}.when", f"{step.when} of nothing; name the steps it comes after under after"


def _wrong_step(step: Step, name: str, names: Sequence[str]) -> str:
    if name == step.name:
        return f"the step {name!r} cannot come after itself"
    return "" if name in names else f"there is no step {name!r}; {_near(name, names)}"


def _wrong_word(name: str, what: str) -> str:
    known = (*PATHS, *TEXTS)
    return "" if what in known else f"{{{name}.{what}}} stands for nothing; {_near(what, known)}"


def _near(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _circle(steps: Sequence[Step]) -> list[tuple[str, str]]:
    try:
        in_order(steps)
    except CycleError as error:
        return [("steps", f"{' → '.join(error.args[1])} is a circle; one of them has to go first")]
    return []
