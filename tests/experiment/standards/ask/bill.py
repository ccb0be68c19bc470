"""Judge bills of materials by the schema of CycloneDX 1.6. In: {name: file}. Out: {name: error or null}."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> None:
    judge = JsonStrictValidator(SchemaVersion.V1_6)
    found = {name: judge.validate_str(Path(file).read_text("utf-8")) for name, file in json.load(sys.stdin).items()}
    json.dump({name: error and str(error) for name, error in found.items()}, sys.stdout)


main()
