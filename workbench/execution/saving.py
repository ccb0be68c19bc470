"""How much may be written of a notebook while it runs: each save is the whole of it, and the last one comes anyway.

papermill saves twice a cell: of a notebook that ends with 4 MB of outputs it writes 89 MB. A small notebook is saved
every few seconds all the same, and a large one now and then.
"""

from __future__ import annotations

import time

FREE_BYTES = 500_000  # of all saves before the last
BYTES_A_SECOND = 1_000.0  # that come on top, for runs of hours


class Budget:
    """Bytes that saves under way may take; `spent` is what they took so far."""

    def __init__(self, now: float | None = None) -> None:
        self.began = time.monotonic() if now is None else now
        self.spent = 0

    def allows(self, size: int, now: float | None = None) -> bool:
        """Tell whether so many bytes may be written now; if so, they count as written."""
        elapsed = (time.monotonic() if now is None else now) - self.began
        if self.spent + size > FREE_BYTES + BYTES_A_SECOND * elapsed:
            return False
        self.spent += size
        return True
