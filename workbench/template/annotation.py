"""An annotation in a parameters cell, read as a type; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from workbench.template.algebra import Anything, Bool, Date, DateTime, Float, Int, Null, Str, Type
from workbench.template.composite import KEYS, Choice, Dict, List, Series, Tuple, bounded, union
from workbench.template.literal import NotLiteral, full_name, read_literal
from workbench.template.named import ColumnsType, ColumnType, DurationType, MemoryType, SecretType, TableType
from workbench.template.plain import Mismatch
from workbench.template.types import Bounds

Imports = Mapping[str, str]  # the name in the cell → what it stands for: {"dt": "datetime"}

_SIMPLE: dict[str, Type] = {
    "bool": Bool(), "int": Int(), "float": Float(), "str": Str(), "None": Null(), "NoneType": Null(),
    "datetime.date": Date(), "datetime.datetime": DateTime(),
    "list": List(Anything()), "dict": Dict(Str(), Anything()), "tuple": Series(Anything()),
    "workbench.Table": TableType(), "workbench.Column": ColumnType(), "workbench.Columns": ColumnsType(),
    "workbench.Duration": DurationType(), "workbench.Memory": MemoryType(), "workbench.Secret": SecretType(),
}  # fmt: skip
_SHORT = {  # how these are called when the cell itself does not import them
    **{name.rpartition(".")[2]: name for name in _SIMPLE if name.startswith("workbench.")},
    **{
        name: f"typing.{name}" for name in ("Annotated", "Any", "Dict", "List", "Literal", "Optional", "Tuple", "Union")
    },
    **{name: f"typing.{name}" for name in ("Mapping", "Sequence")},
    "date": "datetime.date",
    "datetime": "datetime.datetime",
    "Bounds": "workbench.Bounds",
}
_SAME = {
    "typing.List": "list", "typing.Sequence": "list", "collections.abc.Sequence": "list",
    "typing.Dict": "dict", "typing.Mapping": "dict", "collections.abc.Mapping": "dict", "typing.Tuple": "tuple",
    "types.NoneType": "None",
}  # fmt: skip
_BOUNDS = {  # names of pydantic and annotated_types; each class's first argument by position
    "Bounds": (), "Field": (), "Interval": (), "Ge": ("ge",), "Gt": ("gt",), "Le": ("le",), "Lt": ("lt",),
    "MinLen": ("min_length",), "MaxLen": ("max_length",), "Len": ("min_length", "max_length"),
}  # fmt: skip


def read_annotation(node: ast.expr, imports: Imports) -> Type:
    """Read an annotation; what the algebra does not know is `Anything`, and keeps its text.

    Raises
    ------
    Mismatch
        If bounds do not fit their type, or are not numbers.
    """
    match node:
        case ast.Constant(value=None):
            return Null()
        case ast.Constant(value=str(text)):
            return _quoted(text, imports)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return union([read_annotation(left, imports), read_annotation(right, imports)])
        case ast.Subscript(value=head, slice=inner):
            arguments = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return _generic(_resolved(head, imports), arguments, imports) or Anything(ast.unparse(node))
    name = _resolved(node, imports)
    return Anything() if name in {"typing.Any", "object"} else _SIMPLE.get(name, Anything(ast.unparse(node)))


def description(node: ast.expr, imports: Imports) -> str:
    """Give the help text inside ``Annotated``: a text, or ``Field(description=...)``."""
    if not (isinstance(node, ast.Subscript) and _resolved(node.value, imports) == "typing.Annotated"):
        return ""
    for extra in node.slice.elts[1:] if isinstance(node.slice, ast.Tuple) else []:
        match extra:
            case ast.Constant(value=str(text)):
                return text
            case ast.Call(keywords=keywords):
                for keyword in keywords:
                    if keyword.arg == "description" and isinstance(keyword.value, ast.Constant):
                        return str(keyword.value.value)
    return ""


def _quoted(text: str, imports: Imports) -> Type:
    try:
        return read_annotation(ast.parse(text.strip(), mode="eval").body, imports)
    except (SyntaxError, ValueError, RecursionError):
        return Anything(text)


def _resolved(node: ast.expr, imports: Imports) -> str:
    name = full_name(node, imports)
    return _SAME.get(_SHORT.get(name, name), _SHORT.get(name, name))


def _generic(name: str, arguments: list[ast.expr], imports: Imports) -> Type | None:
    if name == "typing.Literal":
        return _choice(arguments)
    if name == "typing.Annotated":
        return _annotated(arguments, imports)
    kinds = [Anything() if _is_dots(argument) else read_annotation(argument, imports) for argument in arguments]
    match name, kinds:
        case "typing.Optional", [kind]:
            return union([kind, Null()])
        case "typing.Union", [_, *_]:
            return union(kinds)
        case "list", [kind]:
            return List(kind)
        case "dict", [key, value] if isinstance(key, KEYS):
            return Dict(key, value)
        case "tuple", [kind, _] if _is_dots(arguments[1]):
            return Series(kind)
        case "tuple", _:
            return Tuple(tuple(kinds))
    return None


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _choice(arguments: list[ast.expr]) -> Type | None:
    try:
        options = tuple(read_literal(argument, {}) for argument in arguments)
    except NotLiteral:  # an enum's member
        return None
    sound = options and all(isinstance(option, str | int | None) for option in options)
    return Choice(options) if sound else None


def _annotated(arguments: list[ast.expr], imports: Imports) -> Type:
    kind = read_annotation(arguments[0], imports)
    for extra in arguments[1:]:
        bounds = _bounds(extra)
        if bounds is not None and bounds != Bounds():
            kind = bounded(kind, bounds)
    return kind


def _bounds(node: ast.expr) -> Bounds | None:
    if not isinstance(node, ast.Call):
        return None
    positions = _BOUNDS.get(full_name(node.func, {}).rpartition(".")[2])
    if positions is None:
        return None
    given: dict[str, ast.expr] = dict(zip(positions, node.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg in Bounds.__slots__}
    if positions and node.keywords:  # Ge(ge=1) and MinLen(min_length=1) are fine too
        given = {name: value for name, value in given.items() if name in positions}
    limits = {name: value for name, value in given.items() if not _is_none(value)}
    return Bounds(**{name: _limit(value) for name, value in limits.items()})


def _limit(node: ast.expr) -> Any:
    try:
        value = read_literal(node, {})
    except NotLiteral:
        value = None
    if value is not None and not isinstance(value, bool) and isinstance(value, int | float):
        return value
    raise Mismatch(f"the bound {ast.unparse(node)} is not a number")
