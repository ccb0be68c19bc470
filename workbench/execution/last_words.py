"""What a process said on stderr at the very end, when nobody was left to hear it.

IPython leads stderr into a pipe whose other end it reads itself, to show it in the notebook. A process that is ended by
its own C++ code (``terminate called after throwing an instance of 'std::bad_alloc'``) dies before its thread that reads
gets a turn, and the words that tell why are lost with the pipe. So another end of it is held here, and read only once
the process is dead: what is left in it then, nobody has heard.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

MOST = 65536  # bytes, which is what a pipe holds


class LastWords:
    """An ear at a process's stderr, where the system has one to give (Linux); deaf elsewhere."""

    def __init__(self, pid: int) -> None:
        self.pipe: int | None = None
        with suppress(OSError):
            ear = os.open(f"/proc/{pid}/fd/2", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if stat.S_ISFIFO(os.fstat(ear).st_mode):
                self.pipe = ear
            else:
                os.close(ear)

    def hear(self) -> str:
        """Give what was left unread, and let go; to be called when the process is dead."""
        heard = b""
        if self.pipe is not None:
            with suppress(OSError):  # nothing left, though a child of the process still holds its end
                heard = os.read(self.pipe, MOST)
            self.close()
        return heard.decode(errors="replace")

    def close(self) -> None:
        """Let go unheard."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
