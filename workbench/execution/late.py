"""A library that another one imports long before it needs it.

jsonschema, which every notebook's library imports, imports `rfc3987_syntax` where that is installed (JupyterLab brings
it); that one builds the grammar of internationalised addresses at its import, for 1.4 s of processor time: more than
papermill and pandas together. No notebook's schema has such an address in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Late(ModuleType):
    """Stands for a module until something of it is used."""

    function: str

    def __getattr__(self, name: str) -> Any:
        if name == self.function:  # `from module import function` must not be enough to load it
            return lambda *args, **kwargs: getattr(_loaded(self), name)(*args, **kwargs)
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_loaded(self), name)


def load_late(name: str, function: str) -> None:
    """Have a module loaded when its `function` is called, rather than when that is imported.

    Nothing happens if the module is loaded already or not installed.
    """
    if name in sys.modules or (found := importlib.util.find_spec(name)) is None:
        return
    late = _Late(name, found.origin)
    late.function, late.__spec__, late.__path__ = function, found, list(found.submodule_search_locations or [])
    sys.modules[name] = late


def _loaded(late: ModuleType) -> ModuleType:
    name = late.__name__
    if sys.modules.get(name) is late:
        del sys.modules[name]
    return importlib.import_module(name)
