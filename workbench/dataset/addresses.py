"""URLs: what is said of one that cannot be reached, in plain words and without its password."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from workbench.dataset.unreachable import AGAIN, unreachable
from workbench.documents.redaction import CREDENTIALS, HIDDEN, credentials_of, without_credentials

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
EXTRAS = {
    "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure",
    "sftp": "sftp", "ssh": "sftp",
}  # fmt: skip


def scheme_of(url: str) -> str:
    """Give what stands before ``://``, in small letters; nothing of what is no URL."""
    return url.partition("://")[0].lower() if ADDRESS.match(url) else ""


def had_credentials(url: str) -> bool:
    """Whether user and password were taken out of a URL: it stood in a report, and leads nowhere now."""
    return any(match[0] == HIDDEN for match in CREDENTIALS.finditer(url))


def trouble(error: Exception, url: str, verb: str = "read") -> tuple[str, str]:
    """Say what is wrong with a URL that could not be read, or `verb`, and what to do.

    Whoever raises that writes ``from None``: what a library says, and the frames it was called from, may hold the
    password.
    """
    if isinstance(error, ImportError):
        return f"needs a package that is not installed ({_first_line(error)})", _extra(scheme_of(url))
    if isinstance(error, FileNotFoundError):
        return "does not exist", AGAIN
    if isinstance(error, PermissionError):
        return f"may not be {verb} ({_safe(error, url)})", "Ask its owner for the right."
    return unreachable(error) or (f"cannot be {verb} ({_safe(error, url)})", AGAIN)


def _extra(scheme: str) -> str:
    extra = EXTRAS.get(scheme)
    return f'Install it with: pip install "notebook-workbench[{extra}]".' if extra else "Install it with pip."


def _safe(error: Exception, url: str) -> str:
    """Tell what a library says in one line, without the password of the address: some say it by itself."""
    told = _first_line(error)
    for password in (*credentials_of(url), unquote(_password(url)), _password(url)):
        told = told.replace(password, HIDDEN) if password else told
    return without_credentials(told)


def _password(url: str) -> str:
    """Give the password of a URL as it stands there, also a short one."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0].rstrip(".") if lines else type(error).__name__)[:300]
