"""Who has signed an experiment can be told offline, and whatever was changed since is named."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from workbench.errors import BadKey
from workbench.experiment.sharing.signing import compare_with_signature, sign

CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}


def pair(folder: Path, private: Any, password: bytes = b"") -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    (folder / "key.pem").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(public)
    return folder / "key.pem", folder / "public.pem"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return pair(tmp_path / "keys", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def signed(keep: Callable[..., Any], keys: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """A copy of an experiment's folder, to be changed; its signature; the public key."""
    folder = Path(shutil.copytree(keep(1, outputs={"a b/ü.csv": "1"}).path, tmp_path / "churn copy"))
    (tmp_path / "it.sig").write_bytes(sign(folder, keys[0]))
    return folder, tmp_path / "it.sig", keys[1]


def payload(signature: Path) -> Any:
    return json.loads(base64.b64decode(json.loads(signature.read_text())["dsseEnvelope"]["payload"]))


@pytest.mark.parametrize("curve", CURVES)
def test_what_one_half_of_a_key_signs_the_other_proves(keep: Any, tmp_path: Path, curve: str) -> None:
    private, public = pair(tmp_path, ec.generate_private_key(CURVES[curve]()), b"secret")
    folder = keep(1).path
    (tmp_path / "it.sig").write_bytes(sign(folder, private, b"secret"))
    assert compare_with_signature(folder, tmp_path / "it.sig", public) == []


def test_every_file_is_signed_in_the_form_of_the_standard(signed: Any) -> None:
    folder, signature, public = signed
    told = payload(signature)
    resources = told["predicate"]["resources"]
    names = [one["name"] for one in resources]
    assert names == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert {"manifest.json", "outputs/a b/ü.csv", "model/model.skops"} <= set(names)
    first = (folder / names[0]).read_bytes()
    assert resources[0] == {"name": names[0], "digest": hashlib.sha256(first).hexdigest(), "algorithm": "sha256"}
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    assert told["subject"] == [{"name": folder.name, "digest": {"sha256": root}}]
    assert (told["_type"], told["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://model_signing/signature/v1.0",
    )
    bundle = json.loads(signature.read_text())
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(public.read_bytes()).hexdigest()


def test_whatever_was_changed_since_is_named(signed: Any) -> None:
    folder, signature, public = signed
    assert compare_with_signature(folder, signature, public) == []
    (folder / "report.html").write_text("other")
    (folder / "scores.json").unlink()
    (folder / "extra.txt").write_text("1")
    assert compare_with_signature(folder, signature, public) == [
        "extra.txt was not signed",
        "report.html is not what was signed",
        "scores.json is missing",
    ]


def test_a_link_is_never_followed(signed: Any) -> None:
    folder, signature, public = signed
    (folder / "link").symlink_to("/etc/passwd")
    (problem,) = compare_with_signature(folder, signature, public)
    assert "'link', which is no plain file" in problem


def changed(bundle: Any, **parts: Any) -> bytes:
    return json.dumps({**bundle, **parts}).encode()


def with_other_payload(bundle: Any) -> bytes:
    told = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    told["predicate"]["resources"].pop()
    text = base64.b64encode(json.dumps(told).encode()).decode()
    return changed(bundle, dsseEnvelope={**bundle["dsseEnvelope"], "payload": text})


DAMAGED = {
    "cut off": lambda bundle: json.dumps(bundle).encode()[:100],
    "empty": lambda bundle: b"{}",
    "a list": lambda bundle: b"[]",
    "deep": lambda bundle: b"[" * 100_000,
    "no envelope": lambda bundle: changed(bundle, dsseEnvelope=None),
    "no key": lambda bundle: changed(bundle, verificationMaterial={"tlogEntries": []}),
    "a list of hints": lambda bundle: changed(bundle, verificationMaterial={"publicKey": ["hint"]}),
    "no signature": lambda bundle: changed(bundle, dsseEnvelope={**bundle["dsseEnvelope"], "signatures": []}),
    "another type of payload": lambda bundle: changed(
        bundle, dsseEnvelope={**bundle["dsseEnvelope"], "payloadType": "text/plain"}
    ),
    "a certificate": lambda bundle: changed(bundle, verificationMaterial={"x509CertificateChain": {}}),
    "another payload": with_other_payload,
    "another medium": lambda bundle: changed(bundle, mediaType="application/json"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_signature_that_was_changed_proves_nothing(signed: Any, damage: str) -> None:
    folder, signature, public = signed
    signature.write_bytes(DAMAGED[damage](json.loads(signature.read_text())))
    (problem,) = compare_with_signature(folder, signature, public)
    assert str(signature) in problem


def test_another_key_proves_nothing(signed: Any, tmp_path: Path) -> None:
    folder, signature, _ = signed
    _, other = pair(tmp_path / "other", ec.generate_private_key(ec.SECP256R1()))
    (problem,) = compare_with_signature(folder, signature, other)
    assert "is not the key it.sig was signed with" in problem
    bundle = json.loads(signature.read_text())
    bundle["verificationMaterial"]["publicKey"] = {"rawBytes": "older than hints"}
    signature.write_text(json.dumps(bundle))
    (problem,) = compare_with_signature(folder, signature, other)
    assert "or signed with another key" in problem


def test_a_key_that_cannot_sign_is_refused_in_one_line(keep: Any, keys: Any, tmp_path: Path) -> None:
    folder = keep(1).path
    locked, _ = pair(tmp_path / "locked", ec.generate_private_key(ec.SECP256R1()), b"secret")
    other, _ = pair(tmp_path / "other", ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(BadKey, match="WORKBENCH_KEY_PASSWORD"):
        sign(folder, locked)
    for key, password in ((locked, b"wrong"), (other, None), (keys[1], None)):
        with pytest.raises(BadKey, match="is no private key of P-256"):
            sign(folder, key, password)
    with pytest.raises(BadKey, match="No such file"):
        sign(folder, tmp_path / "none.pem")


def test_a_key_of_an_unknown_curve_is_refused_in_one_line(keep: Any, keys: Any, tmp_path: Path) -> None:
    of_prime239v1 = (
        "MFUwEwYHKoZIzj0CAQYIKoZIzj0DAQQDPgAELixnwSq6UCFDR+60I2nrxeAHfMOZ"
        "2hS8uAIRMFtmV+z2l1GoHsYrTVcSS9gE4SIVhtssUC4I2zGTp7pn"
    )
    public = tmp_path / "public.pem"
    public.write_text(f"-----BEGIN PUBLIC KEY-----\n{of_prime239v1}\n-----END PUBLIC KEY-----\n")
    (tmp_path / "it.sig").write_bytes(sign(keep(1).path, keys[0]))
    with pytest.raises(BadKey, match="is no public key of P-256"):
        compare_with_signature(tmp_path, tmp_path / "it.sig", public)


def test_the_commands_sign_and_verify(keep: Any, keys: Any, store: Any, workbench: Any, tmp_path: Path) -> None:
    kept = keep(1)
    said = workbench("sign", kept.short, "--key", keys[0], "--store", store.path)
    assert (said.code, said.out.strip()) == (0, f"{kept.short}.sig"), said.err
    asked = ("verify", kept.short, "--key", keys[1], "--store", store.path)
    assert workbench(*asked).code == 0
    found = json.loads(workbench(*asked, "--json").out)
    assert found["whole"]
    assert found["notes"] == [f"signed with the key {keys[1]}"]
    other = keep(2)
    wrong = workbench(
        "verify", other.short, "--key", keys[1], "--signature", f"{kept.short}.sig", "--store", store.path
    )
    assert wrong.code == 3
    inside = workbench("sign", kept.short, "--key", keys[0], "-o", kept.path / "it.sig", "--store", store.path)
    assert inside.code == 2
    assert "never changes" in inside.err
    secret = keys[0].read_bytes()
    over = workbench("sign", kept.short, "--key", keys[0], "-o", keys[0], "--store", store.path)
    assert over.code == 2
    assert "is the key itself" in over.err
    assert keys[0].read_bytes() == secret
    (tmp_path / "farms.csv").write_text("mine")
    table = workbench("sign", kept.short, "--key", keys[0], "-o", tmp_path / "farms.csv", "--store", store.path)
    assert (table.code, (tmp_path / "farms.csv").read_text()) == (2, "mine")
    assert workbench("sign", kept.short, "--key", keys[0], "--store", store.path).code == 0  # over its own
    assert workbench("verify", kept.short, "--signature", "it.sig", "--store", store.path).code == 2


def test_a_signature_that_proves_nothing_fails_the_check_and_one_that_is_not_there_is_no_request(
    keep: Any, keys: Any, store: Any, workbench: Any, tmp_path: Path
) -> None:
    kept, there = keep(1), ("--store", store.path)
    assert workbench("sign", kept.short, "--key", keys[0], "-o", "it.sig", *there).code == 0
    _, other = pair(tmp_path / "other", ec.generate_private_key(ec.SECP256R1()))
    wrong = workbench("verify", kept.short, "--key", other, "--signature", "it.sig", "--json", *there)
    assert (wrong.code, wrong.err) == (3, "")
    assert "is not the key it.sig was signed with" in json.loads(wrong.out)["problems"][0]
    Path("it.sig").write_bytes(DAMAGED["another payload"](json.loads(Path("it.sig").read_text())))
    tampered = workbench("verify", kept.short, "--key", keys[1], "--signature", "it.sig", *there)
    assert (tampered.code, tampered.err) == (3, "")
    assert "was changed since it was signed" in tampered.out
    for absent in (("--key", "none.pem", "--signature", "it.sig"), ("--key", keys[1], "--signature", "none.sig")):
        refused = workbench("verify", kept.short, *absent, *there)
        assert (refused.code, refused.out) == (2, "")
        assert "No such file" in refused.err


def test_the_signature_of_an_experiment_whose_manifest_is_damaged_is_still_found(
    keep: Any, keys: Any, store: Any, workbench: Any
) -> None:
    kept = keep(1)
    assert workbench("sign", kept.short, "--key", keys[0], "--store", store.path).code == 0
    (kept.path / "manifest.json").write_bytes(b"")
    for ref in ("churn", kept.short[:-2], kept.path):
        said = workbench("verify", ref, "--key", keys[1], "--store", store.path)
        assert (said.code, said.err) == (3, ""), ref
        assert "manifest.json is not what was signed" in said.out
