"""The library of OpenSSF Model Signing takes our signatures, and we take its own; neither takes what was changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from workbench.experiment.sharing.signing import compare_with_signature, sign

CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@pytest.mark.slow
def test_signatures_are_taken_by_both(ask: Any, keep: Any, tmp_path: Path) -> None:
    folder = keep(1, outputs={"a b/ü.csv": "1", ".hidden": "2", "sub/.git/config": "3"}).path
    asked = {}
    for number, curve in enumerate(CURVES):
        key, public, ours, theirs = (tmp_path / f"{number}.{name}" for name in ("key", "pub", "ours", "theirs"))
        private = ec.generate_private_key(curve())
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        ours.write_bytes(sign(folder, key))
        asked[curve.name] = [str(path) for path in (folder, key, public, ours, theirs)]
    other = Path(shutil.copytree(folder, tmp_path / "changed"))
    (other / "report.html").write_text("other")
    (other / "extra").write_text("1")
    found = ask("signing", asked | {"changed": [str(other), *asked["secp256r1"][1:]]})
    assert "report.html" in found.pop("changed")
    assert found == dict.fromkeys(asked)
    for _, _, public, _, theirs in asked.values():
        assert compare_with_signature(folder, Path(theirs), Path(public)) == []
        assert compare_with_signature(other, Path(theirs), Path(public)) == [
            "extra was not signed",
            "report.html is not what was signed",
        ]
