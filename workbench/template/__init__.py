"""A notebook with a parameters cell, read as typed parameters; the gallery; values bound to it."""

from workbench.template.bind import bind
from workbench.template.gallery import Template, copy, find, gallery
from workbench.template.notebook import load
from workbench.template.parameter import Parameter, read_parameters
from workbench.template.plain import as_json
from workbench.template.quantity import memory_bytes, seconds
from workbench.template.schema import json_schema
from workbench.template.seal import Sealed, seal
from workbench.template.values import Values, defaults, gather, split
from workbench.template.values_file import read_values

__all__ = [
    "Parameter",
    "Sealed",
    "Template",
    "Values",
    "as_json",
    "bind",
    "copy",
    "defaults",
    "find",
    "gallery",
    "gather",
    "json_schema",
    "load",
    "memory_bytes",
    "read_parameters",
    "read_values",
    "seal",
    "seconds",
    "split",
]
