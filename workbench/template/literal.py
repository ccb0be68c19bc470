"""A default in a parameters cell, read as a value; nothing is executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from workbench.template.types import Secret


class NotLiteral(ValueError):
    """The expression must be computed, so its value is not known before the run."""


def read_literal(node: ast.expr, imports: Mapping[str, str]) -> Any:
    """Give the value of constants, lists, tuples, dicts, dates, nan, infinity and secrets.

    Raises
    ------
    NotLiteral
        If it is anything else.
    ValueError
        If it is a date that does not exist.
    """
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str()):
            return node.value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _signed(node.op, read_literal(operand, imports))
        case ast.List(elts=parts):
            return [read_literal(part, imports) for part in parts]
        case ast.Tuple(elts=parts):
            return tuple(read_literal(part, imports) for part in parts)
        case ast.Dict(keys=keys, values=values):
            return _mapping(keys, values, imports)
        case ast.Call():
            return _call(node, imports)
    return _constant(full_name(node, imports))


def full_name(node: ast.expr, imports: Mapping[str, str]) -> str:
    """Give the dotted name an expression stands for, by the cell's own imports; empty if it is not a name."""
    match node:
        case ast.Name(id=name):
            return imports.get(name, name)
        case ast.Attribute(value=owner, attr=name):
            before = full_name(owner, imports)
            before = {"wb": "workbench", "dt": "datetime"}.get(before, before)
            return f"{before}.{name}" if before else ""
        case ast.Constant(value=None):
            return "None"
    return ""


def _signed(sign: ast.unaryop, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotLiteral
    return -value if isinstance(sign, ast.USub) else value


def _mapping(keys: list[ast.expr | None], values: list[ast.expr], imports: Mapping[str, str]) -> dict[Any, Any]:
    pairs = zip(keys, values, strict=True)
    try:
        return {read_literal(_known(key), imports): read_literal(value, imports) for key, value in pairs}
    except TypeError:  # a list as key
        raise NotLiteral from None


def _known(key: ast.expr | None) -> ast.expr:
    if key is None:  # {**other}
        raise NotLiteral
    return key


def _call(node: ast.Call, imports: Mapping[str, str]) -> Any:
    name = full_name(node.func, imports)
    arguments = [read_literal(argument, imports) for argument in node.args]
    if name == "dict" and not arguments and all(keyword.arg for keyword in node.keywords):
        return {keyword.arg: read_literal(keyword.value, imports) for keyword in node.keywords}
    named = {str(keyword.arg): read_literal(keyword.value, imports) for keyword in node.keywords}
    makers: dict[str, Callable[..., Any]] = {
        "date": date, "datetime.date": date, "datetime": datetime, "datetime.datetime": datetime,
        "date.fromisoformat": date.fromisoformat, "datetime.date.fromisoformat": date.fromisoformat,
        "datetime.fromisoformat": datetime.fromisoformat, "datetime.datetime.fromisoformat": datetime.fromisoformat,
        "float": float, "list": list, "tuple": tuple, "Secret": Secret, "workbench.Secret": Secret,
    }  # fmt: skip
    if name not in makers:
        raise NotLiteral
    try:
        return makers[name](*arguments, **named)
    except TypeError:
        raise NotLiteral from None


def _constant(name: str) -> float:
    known = {"math.inf": math.inf, "math.nan": math.nan, "np.inf": math.inf, "np.nan": math.nan}
    if name not in known:
        raise NotLiteral
    return known[name]
