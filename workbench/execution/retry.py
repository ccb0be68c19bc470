"""Which failures are worth another attempt: those that need not happen again, though nothing is changed.

A wrong parameter, an error of the notebook's own, a limit that was reached or a run that somebody cancelled comes out
the same again, and a crash of the notebook's own making most likely, too.
"""

from __future__ import annotations

import signal

from workbench.execution.verdict import Evidence, Verdict, error_of, is_same_error

FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP}  # nobody sends them to himself
CONNECTION = {  # names, for the error itself stays in the kernel: of Python, urllib3 and requests, httpx, botocore
    "ConnectionError",
    "ConnectionAbortedError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "BrokenPipeError",
    "TimeoutError",
    "RemoteDisconnected",
    "IncompleteRead",
    "URLError",
    "gaierror",
    "ProtocolError",
    "NewConnectionError",
    "MaxRetryError",
    "ChunkedEncodingError",
    "ConnectTimeout",
    "ReadTimeout",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectError",
    "ReadError",
    "EndpointConnectionError",
    "ConnectionClosedError",
}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds


def is_transient(evidence: Evidence, verdict: Verdict) -> bool:
    """Tell whether another attempt at the same run may end otherwise."""
    if evidence.stop is not None or verdict.status not in ("killed", "failed"):
        return False
    if evidence.started:
        if verdict.status == "killed":
            return evidence.exit_code in FROM_OUTSIDE
        return not is_same_error(evidence.handed_over, verdict) and _name(evidence, verdict) in CONNECTION
    return evidence.raised is not None  # the kernel died at its start, or never answered


def pause_before(attempt: int) -> float:
    """Give the seconds to wait before an attempt: twice as long each time, for what ails is given time to heal.

    >>> [pause_before(attempt) for attempt in (2, 3, 4, 20)]
    [1.0, 2.0, 4.0, 60.0]
    """
    return min(FIRST_PAUSE * 2 ** (attempt - 2), LONGEST_PAUSE)


def _name(evidence: Evidence, verdict: Verdict) -> str | None:
    return None if verdict.cell is None else error_of(evidence.notebook.cells[verdict.cell])[0].rpartition(".")[2]
