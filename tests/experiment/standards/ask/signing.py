"""Verify and sign as the standard's own library does. In: {name: [folder, key, public, ours, theirs]}. Out: errors.

It verifies our signature, and signs the same folder itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import model_signing


def problem(*asked: str) -> str | None:
    folder, key, public, ours, theirs = map(Path, asked)
    try:
        model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public).verify(folder, ours)
    except ValueError as error:
        return str(error)
    model_signing.signing.Config().use_elliptic_key_signer(private_key=key).sign(folder, theirs)
    return None


def main() -> None:
    json.dump({name: problem(*asked) for name, asked in json.load(sys.stdin).items()}, sys.stdout)


main()
