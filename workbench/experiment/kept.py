"""One experiment: its folder, its manifest, and its documents read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents import outbox
from workbench.documents.experiment import Manifest, read_manifest, reference_of, scores_of
from workbench.documents.files import FORMAT, insist_on_format, read_json
from workbench.errors import BadArtifact
from workbench.pages.outcome import Line, labels_text, outcome_html, outcome_text
from workbench.pages.words import moment, template_name
from workbench.records import Check, Reference, Score

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was kept of one run; a run under way looks the same, with the status ``running`` and no files.

    The manifest alone answers `as_document`, `scores`, `status`; everything else is read from the folder, and is empty
    where the run ended before it was written. `tags` were put on after it was kept; a list tells them.
    """

    reference: Reference
    path: Path
    manifest: Manifest
    tags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return outcome_text(str(self.reference), self.status, reason=self.reason, score=self.score)

    def _repr_html_(self) -> str:
        said = self.line
        facts = [moment(said.started), said.template, labels_text(said.labels)]
        report = self.report if self.report.is_file() else None
        return str(
            outcome_html(said.ref, said.status, reason=said.reason, facts=facts, scores=self.scores(), report=report)
        )

    @property
    def name(self) -> str:
        """The name the experiment is one version of."""
        return self.reference.name

    @property
    def version(self) -> str:
        """Start in UTC, and eight hex digits."""
        return self.reference.version

    @property
    def short(self) -> str:
        """The shortest lasting way to type the reference: ``churn@1f3ac09e``."""
        return self.reference.short

    @property
    def status(self) -> str:
        """``completed``, ``failed``, …; ``running`` under way; ``damaged`` when its manifest cannot be read."""
        return str(self.manifest["status"])

    @property
    def reason(self) -> str:
        """Why it did not complete; empty when it did."""
        return str(self.manifest["reason"])

    @property
    def metric(self) -> str | None:
        """The metric its search went by."""
        return self.manifest["metric"]

    @property
    def score(self) -> Score | None:
        """By that metric; None when it did not come to one."""
        return self.scores().get(self.metric or "")

    @property
    def model(self) -> Path:
        """The folder of the fitted model."""
        return self.path / "model"

    @property
    def report(self) -> Path:
        """The report, as one HTML file."""
        return self.path / "report.html"

    @property
    def template(self) -> Path:
        """The template it was run from."""
        return self.path / "template.ipynb"

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.path / "notebook.ipynb"

    @property
    def line(self) -> Line:
        """What a list of experiments says of it."""
        return Line(
            str(self.reference),
            self.status,
            self.reason,
            self.score,
            template_name(self.manifest["template"], self.manifest["kind"]),
            self.manifest["started"],
            self.manifest["labels"],
            self.report,
            self.tags,
        )

    def scores(self) -> dict[str, Score]:
        """Every metric that fits the task, with its interval; the metric searched by comes first."""
        return scores_of(self.manifest)

    def parameters(self) -> dict[str, dict[str, Any]]:
        """Each parameter's ``value`` and ``source``."""
        told = self._document("parameters.json").get("parameters", {})
        whole = isinstance(told, dict) and all(
            isinstance(one, dict) and {"value", "source"} <= one.keys() for one in told.values()
        )
        if not whole:
            raise BadArtifact(str(self.path), "has a damaged parameters.json (a parameter has a value and a source)")
        return told

    def task(self) -> dict[str, Any]:
        """Read kind, target, classes, features, and the data they come from."""
        return outbox.read_task(self.path)

    def checks(self) -> list[Check]:
        """Read what was found about the data."""
        return outbox.read_checks(self.path)

    def columns(self) -> list[dict[str, Any]]:
        """Read the columns of the table: kind, role, and how each was read."""
        return self._document("data/schema.json").get("columns", [])

    def environment(self) -> dict[str, Any]:
        """Python, platform, the cores and memory there were, and the version of every package (``packages``)."""
        return self._document("environment/python.json")

    def workbench(self) -> dict[str, Any]:
        """Read the version and commit of the workbench it was made with."""
        return self._document("environment/workbench.json")

    def git(self) -> dict[str, Any]:
        """Read the commit, branch and remote of the repository its template lay in; empty where it lay in none."""
        told = self._document("environment/git.json")
        return {name: value for name, value in told.items() if name != "format"}

    def leaderboard(self) -> pd.DataFrame:
        """Read the candidates of the search, best first."""
        return outbox.read_leaderboard(self.path)

    def importance(self) -> pd.DataFrame:
        """Read what drives the model, strongest first."""
        return outbox.read_importance(self.path)

    def trials(self) -> list[dict[str, Any]]:
        """Read every trial of the search, in their order."""
        return outbox.read_trials(self.path)

    def predictions(self) -> pd.DataFrame | None:
        """Read the out-of-fold predictions (row, fold, truth, prediction, probabilities); None when not kept."""
        return outbox.read_predictions(self.path)

    def as_document(self) -> dict[str, Any]:
        """Give the line of a listing, for ``--json``."""
        told = ("kind", "status", "reason", "template", "started", "labels", "metric", "scores")
        document = {"ref": str(self.reference), "name": self.name} | {field: self.manifest[field] for field in told}
        return document | {"seconds": self.manifest["resources"].get("wall"), "tags": list(self.tags)}

    def _document(self, file: str) -> dict[str, Any]:
        try:
            document = read_json(self.path / file)
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise BadArtifact(str(self.path), f"has a damaged {file} ({error})") from error
        if not isinstance(document, dict):
            raise BadArtifact(str(self.path), f"has a damaged {file} (it is no JSON object)")
        insist_on_format(document.get("format", FORMAT), str(self.path / file))
        return document


def load(folder: Path) -> Experiment:
    """Open the experiment in a folder."""
    manifest = read_manifest(folder)
    return Experiment(reference_of(manifest), folder, manifest)
