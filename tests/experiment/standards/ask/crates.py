"""Validate crates without a network. In: {crates: {name: [folder, profile]}, cache: folder}. Out: {name: {level: […]}}.

The one thing the validator would fetch, RO-Crate's JSON-LD context, travels inside the library `rocrate`.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import requests
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class FromLibrary(requests.adapters.BaseAdapter):
    """Answers with the context as the library has it."""

    def send(self, request, **_):
        body = (files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()
        headers = {"Content-Type": "application/ld+json"}
        raw = HTTPResponse(io.BytesIO(body), headers, status=200, preload_content=False)
        return requests.adapters.HTTPAdapter().build_response(request, raw)

    def close(self):
        pass


def problems(folder: str, profile: str, cache: Path) -> dict[str, list[str]]:
    # In a folder whose path has a space the validator (0.13.0) finds no root: it takes the path for a URI as it is.
    copy = Path(tempfile.mkdtemp()) / "crate"
    shutil.copytree(folder, copy)
    settings = services.ValidationSettings(
        rocrate_uri=copy,
        profile_identifier=profile,
        requirement_severity=models.Severity.RECOMMENDED,
        offline=True,
        cache_path=cache,
    )
    found: dict[str, list[str]] = {"REQUIRED": [], "RECOMMENDED": []}
    result = services.validate(settings)
    for issue in result.get_issues():
        found[issue.severity.name].append(f"{issue.check.identifier}: {issue.message} ({issue.violatingEntity})")
    shutil.rmtree(copy.parent)
    return {**{level: sorted(set(told)) for level, told in found.items()}, "checks": len(result.executed_checks)}


def main() -> None:
    question = json.load(sys.stdin)
    cache = Path(question["cache"]) / "http"
    with CachedSession(str(cache), backend="sqlite", expire_after=-1) as session:
        session.mount("https://w3id.org/", FromLibrary())
        session.get(CONTEXT).raise_for_status()
    told = {name: problems(*crate, cache) for name, crate in question["crates"].items()}
    json.dump(told, sys.stdout)


main()
