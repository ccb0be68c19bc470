"""Why nothing came from a URL, in plain words: libraries tell it by their own insides."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator

AGAIN, LATER = "Look at the address again.", "Try again later."
# By names, for not every library is installed: errors of Python, urllib3, requests, aiohttp, botocore and fsspec, and
# the system's own codes. The first line that fits tells it.
CAUSES = (
    (
        {"ProxyError", "InvalidProxyURL", "ProxySchemeUnknown"},
        "cannot be reached: the proxy cannot be used",
        "Look at the variables HTTP_PROXY and HTTPS_PROXY.",
    ),
    (
        {"gaierror", "NameResolutionError", "ClientConnectorDNSError"},
        "cannot be reached: no server of that name is known here",
        "Look at the address and at the network.",
    ),
    (
        {"ConnectionRefusedError"},
        "cannot be reached: its server refuses the connection",
        "Look at the address and its port, and whether the server runs.",
    ),
    (
        {"ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN"},
        "cannot be reached: no way leads to its server",
        "Look at the address and at the network.",
    ),
    (
        {
            "TimeoutError", "ConnectTimeout", "ReadTimeout", "ConnectTimeoutError", "ReadTimeoutError",
            "ServerTimeoutError", "ConnectionTimeoutError", "SocketTimeoutError", "FSTimeoutError",
        },
        "cannot be reached: its server does not answer",
        LATER,
    ),
    (
        {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"},
        "cannot be reached: no credentials for it are found here",
        "Give them as its own tools take them: a variable such as AWS_ACCESS_KEY_ID, or their file in the home folder.",
    ),
    ({"TooManyRedirects"}, "cannot be reached: its server sends from one address to the next", AGAIN),
    (
        {"InvalidURL", "MissingSchema", "InvalidSchema", "LocationParseError"},
        "is no address that a server can have",
        AGAIN,
    ),
    (
        {
            "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "RemoteDisconnected", "IncompleteRead",
            "ProtocolError", "ChunkedEncodingError", "ServerDisconnectedError", "ClientPayloadError",
        },
        "cannot be read: its server broke the connection off",
        LATER,
    ),
)  # fmt: skip
LIBRARIES = {"requests", "urllib3", "aiohttp"}


def unreachable(error: BaseException) -> tuple[str, str] | None:
    """Say what is wrong with a table that could not be fetched, and what to do; None for what is no network's error."""
    errors = list(_behind(error))
    for one in errors:
        if isinstance(one, ssl.SSLError):
            return _unsafe(one)
    names = {type(one).__name__ for one in errors}
    names |= {errno.errorcode.get(one.errno or 0, "") for one in errors if isinstance(one, OSError)}
    for known, problem, remedy in CAUSES:
        if not names.isdisjoint(known):
            return problem, remedy
    if type(error).__module__.partition(".")[0] in LIBRARIES:
        return f"cannot be read: its server's answer is not understood ({type(error).__name__})", AGAIN
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Give an error, and those that libraries have wrapped in it."""
    found, seen = [error], set[int]()
    while found:
        one = found.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inside = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
            found += [each for each in inside if isinstance(each, BaseException)]


def _unsafe(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        told = f"cannot be reached: its server's certificate is not trusted ({error.verify_message})"
        return told, "Name the one to trust in the variable REQUESTS_CA_BUNDLE, or ask who runs the server."
    because = (error.reason or "unknown").replace("_", " ").lower()
    return f"cannot be reached: no encrypted connection comes about ({because})", "Look whether it begins with http://."
