"""What reading an experiment stumbles over, told in one line: others may have written its documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.documents.files import MALFORMED
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment


@contextmanager
def reading(*experiments: Experiment) -> Iterator[None]:
    """Tell in one line that a document of an experiment says what none of the workbench does.

    An imported experiment is what its author sent, to the byte; that does not make its documents what ours are.

    Raises
    ------
    BadArtifact
        In place of whatever else was raised.
    """
    try:
        yield
    except (*MALFORMED, NotImplementedError, OSError) as error:
        which = ", ".join(dict.fromkeys(str(one.reference) for one in experiments))
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        problem = f"has a document that says what none of the workbench does ({said})"
        raise BadArtifact(which, problem, "workbench verify says whether it was changed.") from error
