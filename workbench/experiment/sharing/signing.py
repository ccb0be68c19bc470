"""Signing: somebody vouches for an experiment with a key, in the form of OpenSSF Model Signing 1.0, without a network.

The signature is a file of its own: a Sigstore bundle, in it a DSSE envelope, in it an in-toto statement that names
every file of the folder with its digest. Keys are PEM files of the curves P-256, P-384 and P-521.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.files import digest
from workbench.errors import BadArtifact, BadKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
IGNORED = (".git", ".gitattributes", ".github", ".gitignore")  # the standard leaves these out, at the top alone
LARGEST = 64 * 2**20  # bytes of a signature; one of ten thousand files is about 2 MB
LOCKED = "A password stands in WORKBENCH_KEY_PASSWORD."
MAKE = (
    "Make a pair with: openssl ecparam -name prime256v1 -genkey -noout -out key.pem; "
    "openssl ec -in key.pem -pubout -out public.pem"
)
REMEDY = "Ask whoever sent it for another one."
Document = dict[str, Any]


def sign(folder: Path, key: Path, password: bytes | None = None) -> bytes:
    """Sign every file of a folder.

    Parameters
    ----------
    folder : Path
        An experiment's.
    key : Path
        A private key, PEM.
    password : bytes, optional
        Of the key.

    Returns
    -------
    bytes
        The signature, to be kept in a file outside of the folder.

    Raises
    ------
    BadKey
        If the key cannot be read, or is of another kind.
    BadArtifact
        If the folder is empty, or holds something that is no plain file.
    """
    private = _private(key, password)
    digests = dict(_digests(folder))
    if not digests:
        raise BadArtifact(str(folder), "holds no file to sign")
    payload = json.dumps(_statement(folder.name, digests)).encode()
    signature = private.sign(_authenticated(payload), _algorithm(private.public_key()))
    envelope = {"payload": _text(payload), "payloadType": PAYLOAD, "signatures": [{"sig": _text(signature)}]}
    material = {"publicKey": {"hint": _hint(private.public_key())}}
    bundle = {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(bundle, indent=2).encode() + b"\n"


def compare_with_signature(folder: Path, signature: Path, key: Path) -> list[str]:
    """Compare a folder with what was signed; one sentence for each file that is not what the owner of the key signed.

    Of a signature that proves nothing (another key signed, it is damaged, was changed, is of something else) there is
    one sentence: why.

    Raises
    ------
    BadKey
        If the public key cannot be read, or is of another kind.
    BadArtifact
        If there is no signature to be read.
    """
    public, content = _public(key), _content(signature)
    try:
        signed, ignored = _signed(_proven(_bundle(content, signature), signature, public, key), signature)
        here = dict(_digests(folder, ignored))
    except (BadArtifact, BadKey) as error:
        return [str(error)]
    missing = [f"{name} is missing" for name in signed.keys() - here.keys()]
    extra = [f"{name} was not signed" for name in here.keys() - signed.keys()]
    changed = [f"{name} is not what was signed" for name in here.keys() & signed.keys() if here[name] != signed[name]]
    return sorted([*missing, *extra, *changed])


def _digests(folder: Path, ignored: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Give every file of a folder with its digest, in order of name; refuse links, which may lead anywhere."""
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for name in sorted(found):
        if any(name == one or name.startswith(f"{one}/") for one in (*IGNORED, *ignored)):
            continue
        if found[name].is_symlink() or not found[name].is_file():
            raise BadArtifact(str(folder), f"holds {name!r}, which is no plain file")
        yield name, digest(found[name]).removeprefix("sha256:")


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        yield from (Path(parent) / name for name in (*files, *links))


def _statement(name: str, digests: Mapping[str, str]) -> Document:
    root = hashlib.sha256(b"".join(bytes.fromhex(one) for one in digests.values())).hexdigest()
    resources = [{"name": file, "digest": one, "algorithm": "sha256"} for file, one in digests.items()]
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": list(IGNORED)}
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"resources": resources, "serialization": how},
    }


def _authenticated(payload: bytes) -> bytes:
    """Put type and payload together in the one way that DSSE signs."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def _content(signature: Path) -> bytes:
    try:
        with signature.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise BadArtifact(str(signature), f"cannot be read: {error.strerror}", "Name it with --signature.") from error


def _bundle(content: bytes, signature: Path) -> Document:
    try:
        document = json.loads(content) if len(content) <= LARGEST else None
    except (ValueError, RecursionError) as error:
        raise BadArtifact(str(signature), "is no signature: it is not JSON", REMEDY) from error
    if not isinstance(document, dict) or not str(document.get("mediaType")).startswith(BUNDLE.partition(".v")[0]):
        raise BadArtifact(str(signature), "is no signature: it is not a Sigstore bundle", REMEDY)
    return document


def _proven(bundle: Document, signature: Path, public: ec.EllipticCurvePublicKey, key: Path) -> Document:
    """Give the statement of a bundle once its signature is proven to be of the key: nothing of it is read before."""
    from cryptography.exceptions import InvalidSignature

    try:
        envelope, told = bundle["dsseEnvelope"], bundle["verificationMaterial"]["publicKey"]
        (one,) = envelope["signatures"]
        payload, proof = (base64.b64decode(text, validate=True) for text in (envelope["payload"], one["sig"]))
        hint = told.get("hint", _hint(public))
        if envelope["payloadType"] != PAYLOAD or not ("hint" in told or "rawBytes" in told):
            raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadArtifact(str(signature), "is no signature that was made with a key pair", REMEDY) from error
    if hint != _hint(public):
        raise BadKey(str(key), f"is not the key {signature.name} was signed with", "Name the public key of the signer.")
    try:
        public.verify(proof, _authenticated(payload), _algorithm(public))
    except InvalidSignature:
        raise BadArtifact(str(signature), "was changed since it was signed, or signed with another key") from None
    try:
        statement = dict(json.loads(payload))
    except (ValueError, TypeError, RecursionError):
        statement = {}
    if (statement.get("_type"), statement.get("predicateType")) != (STATEMENT, PREDICATE):
        raise BadArtifact(str(signature), "signs something else than the files of a folder", REMEDY)
    return statement


def _signed(statement: Document, signature: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the names and digests of a statement, and the paths it leaves out; what is not understood is refused."""
    try:
        how, resources = statement["predicate"]["serialization"], statement["predicate"]["resources"]
        understood = (how["method"], how["hash_type"], how["allow_symlinks"]) == ("files", "sha256", False)
        signed = {str(one["name"]): str(one["digest"]) for one in resources if one["algorithm"] == "sha256"}
        ignored = tuple(map(str, how.get("ignore_paths") or ()))
    except (AttributeError, KeyError, TypeError) as error:
        raise BadArtifact(str(signature), "does not say which files it signs", REMEDY) from error
    if not understood or not signed or len(signed) != len(resources):
        raise BadArtifact(
            str(signature),
            "signs files in a way that is not known here",
            "Sign whole files, by SHA-256, without links.",
        )
    return signed, ignored


def _private(key: Path, password: bytes | None) -> ec.EllipticCurvePrivateKey:
    with _reading(key, "private"):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        found = load_pem_private_key(key.read_bytes(), password)
        _algorithm(found.public_key())  # type: ignore[arg-type] # which refuses every other kind
    return found  # type: ignore[return-value] # so it is of this kind


def _public(key: Path) -> ec.EllipticCurvePublicKey:
    with _reading(key, "public"):
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        found = load_pem_public_key(key.read_bytes())
        _algorithm(found)  # type: ignore[arg-type] # which refuses every other kind
    return found  # type: ignore[return-value] # so it is of this kind


@contextmanager
def _reading(key: Path, kind: str) -> Iterator[None]:
    """Tell what goes wrong when a key is read, in one line."""
    unknown: tuple[type[Exception], ...] = (ValueError, AttributeError)
    try:
        from cryptography.exceptions import UnsupportedAlgorithm

        unknown = (*unknown, UnsupportedAlgorithm)
        yield
    except ImportError as error:
        remedy = "Install it with: pip install 'notebook-workbench[sign]'."
        raise BadKey(str(key), "needs the library cryptography, which is not installed", remedy) from error
    except OSError as error:
        raise BadKey(str(key), f"cannot be read: {error.strerror}") from error
    except TypeError as error:
        raise BadKey(str(key), "has a password and was given none, or the other way round", LOCKED) from error
    except unknown as error:
        raise BadKey(str(key), f"is no {kind} key of P-256, P-384 or P-521, or has another password", MAKE) from error


def _algorithm(public: ec.EllipticCurvePublicKey) -> ec.ECDSA:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    known: dict[str, HashAlgorithm] = {
        "secp256r1": hashes.SHA256(),
        "secp384r1": hashes.SHA384(),
        "secp521r1": hashes.SHA512(),
    }
    if public.curve.name not in known:
        raise ValueError(public.curve.name)
    return ec.ECDSA(known[public.curve.name])


def _hint(public: ec.EllipticCurvePublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
