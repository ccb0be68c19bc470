"""A template's parameters: the cell tagged ``parameters``, read without running it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from workbench.errors import BadTemplate
from workbench.template.algebra import Anything, Bool, Date, DateTime, Float, Int, Null, Str, Type
from workbench.template.annotation import description, read_annotation
from workbench.template.composite import KEYS, Dict, List, Series, holds, union
from workbench.template.literal import NotLiteral, read_literal
from workbench.template.named import SecretType
from workbench.template.notebook import PARAMETERS, has_tag, is_python, source
from workbench.template.plain import UNKNOWN, Mismatch, plain, shortened
from workbench.template.types import Secret


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of a parameters cell.

    `default` is `UNKNOWN` if the parameter is required or the cell computes it; `annotation` and `default_text` are
    what the cell says, empty if it says nothing; `help` is the comment at the line's end or in the lines above.
    """

    name: str
    type: Type
    default: Any = UNKNOWN
    help: str = ""
    annotation: str = ""
    default_text: str = ""

    @property
    def required(self) -> bool:
        """Whether a run must give it a value."""
        return not self.default_text


def read_parameters(notebook: Mapping[str, Any], name: str = "notebook") -> tuple[Parameter, ...]:
    """Read the parameters of a notebook, in the order of the cell.

    A notebook without a parameters cell, or in another language than Python, has none.

    Parameters
    ----------
    notebook : mapping
        The notebook as JSON or as nbformat's node.
    name : str
        What messages call it.

    Raises
    ------
    BadTemplate
        If several cells are tagged, or with everything that is wrong in the cell.
    """
    cells = [cell for cell in notebook.get("cells", []) if has_tag(cell, PARAMETERS)]
    if not cells or not is_python(notebook):
        return ()
    if len(cells) > 1:
        raise BadTemplate(name, f"has {len(cells)} cells tagged {PARAMETERS!r}", "Keep the tag on one of them.")
    parameters, problems = read_cell(source(cells[0]))
    if problems:
        raise BadTemplate(name, f"has a parameters cell with mistakes: {'; '.join(problems)}")
    return tuple(parameters)


def read_cell(text: str) -> tuple[list[Parameter], list[str]]:
    """Read the text of a parameters cell: its parameters, and everything that is wrong."""
    try:
        text, tree = _parse(text.replace("\r\n", "\n").replace("\r", "\n"))
    except SyntaxError as error:
        return [], [f"line {error.lineno or 1} is not Python ({error.msg})"]
    except (ValueError, RecursionError, MemoryError) as error:
        return [], [f"it is not Python ({error or 'too deeply nested'})"]
    cell = _Cell(text, _imports(tree), _comments(text))
    parameters: dict[str, Parameter] = {}
    problems: list[str] = []
    for statement in tree.body:
        try:
            parameter = cell.parameter(statement)
            if parameter is not None and parameter.name in parameters:
                raise Mismatch(f"{parameter.name} is there a second time")
            if parameter is not None:
                parameters[parameter.name] = parameter
        except Mismatch as error:
            problems.append(f"line {statement.lineno}: {error}")
    return list(parameters.values()), problems


def _parse(text: str) -> tuple[str, ast.Module]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a template is not the reader's concern
        try:
            return text, ast.parse(text)
        except SyntaxError:
            plain_text = re.sub(r"(?m)^[ \t]*[%!].*$", "", text)  # IPython's own lines: %matplotlib inline
            if plain_text == text:
                raise
            return plain_text, ast.parse(plain_text)


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            found |= {alias.asname: alias.name for alias in statement.names if alias.asname}
            # `import datetime`: the bare name is the module from here on, and the class is datetime.datetime
            found |= {alias.name: alias.name for alias in statement.names if not alias.asname}
        elif isinstance(statement, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return found


@dataclass(frozen=True, slots=True)
class _Comments:
    """Comments by line: behind code, and alone on their line."""

    behind: dict[int, str]
    alone: dict[int, str]

    def about(self, statement: ast.stmt) -> str:
        last = statement.end_lineno or statement.lineno
        behind = self.behind.get(last) or self.behind.get(statement.lineno)
        return behind if behind else " ".join(self._above(statement.lineno))

    def _above(self, line: int) -> list[str]:
        first = line
        while first - 1 in self.alone:
            first -= 1
        return [text for number in range(first, line) if re.search(r"\w", text := self.alone[number])]


def _comments(text: str) -> _Comments:
    behind: dict[int, str] = {}
    alone: dict[int, str] = {}
    with suppress(tokenize.TokenError, SyntaxError):  # it takes a little less than the parser; comments are a courtesy
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                kind = alone if not token.line[: token.start[1]].strip() else behind
                kind[token.start[0]] = token.string.strip("#-=* \t")
    return _Comments(behind, alone)


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    imports: dict[str, str]
    comments: _Comments

    def parameter(self, statement: ast.stmt) -> Parameter | None:
        """Read one statement; None if it declares nothing."""
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                return self._declared(name, annotation, value, self.comments.about(statement))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self._assigned(name, value, self.comments.about(statement))
            case ast.Assign(targets=targets) if _names(targets):
                raise Mismatch(f"{', '.join(_names(targets))} share a line: give each parameter its own")
            case ast.AugAssign(target=ast.Name(id=name)):
                raise Mismatch(f"{name} is changed after its default was given")
        return None

    def _assigned(self, name: str, value: ast.expr, comment: str) -> Parameter:
        # The older way to say a type, which papermill reads too: x = 3  # type: float  what it is
        if found := re.match(r"type:\s*(\S+)\s*(.*)", comment):
            annotation = self._type_comment(found[1])
            if annotation is not None:
                return self._declared(name, annotation, value, found[2])
        default = self._default(name, value)
        kind = Anything() if default is UNKNOWN else infer(default)
        return self._checked(Parameter(name, kind, default, comment, "", self._says(value)))

    def _type_comment(self, text: str) -> ast.expr | None:
        try:
            annotation = ast.parse(text, mode="eval").body
            known = not isinstance(read_annotation(annotation, self.imports), Anything)
        except (SyntaxError, ValueError):
            return None
        return annotation if known else None

    def _declared(self, name: str, annotation: ast.expr, value: ast.expr | None, comment: str) -> Parameter:
        try:
            kind = read_annotation(annotation, self.imports)
        except Mismatch as error:
            raise Mismatch(f"{name}: {error}") from None
        help_text = comment or description(annotation, self.imports)
        parameter = Parameter(name, kind, UNKNOWN, help_text, _unquoted(annotation))
        if value is None:
            return parameter
        default = self._default(name, value)
        if default is None:  # x: int = None means int | None, as it long did
            parameter = replace(parameter, type=union([kind, Null()]) if not _takes_none(kind) else kind)
        return self._checked(replace(parameter, default=default, default_text=self._says(value)))

    def _default(self, name: str, value: ast.expr) -> Any:
        try:
            return read_literal(value, self.imports)
        except NotLiteral:
            return UNKNOWN
        except (ValueError, OverflowError) as error:
            raise Mismatch(f"{name}: {error}") from None

    def _says(self, value: ast.expr) -> str:
        return ast.get_source_segment(self.text, value) or ast.unparse(value)

    def _checked(self, parameter: Parameter) -> Parameter:
        if parameter.default is UNKNOWN:
            return parameter
        try:
            if holds(parameter.type, SecretType) and not _is_told_by_name(parameter.default):
                raise Mismatch
            read = parameter.type.from_value(plain(parameter.default))
            if isinstance(parameter.default, str) and not isinstance(read, str):
                raise Mismatch("it is text")
        except Mismatch:
            if isinstance(parameter.type, Anything):  # it is Python's own, such as a dict with tuples as keys
                return replace(parameter, default=UNKNOWN)
            if holds(parameter.type, SecretType):
                default = 'its default must be Secret("") or Secret("env:NAME")'
                told = f"{parameter.name} is a secret, so {default}: others read the notebook, too"
                raise Mismatch(told) from None
            shown, takes = shortened(parameter.default), parameter.type.describe()
            raise Mismatch(f"{parameter.name} has the default {shown}, but takes {takes}") from None
        return parameter


def _is_told_by_name(default: Any) -> bool:
    """Whether no secret's value stands in a default: only empty ones, and names of environment variables."""
    if isinstance(default, list | tuple | dict):
        return all(map(_is_told_by_name, default.values() if isinstance(default, dict) else default))
    return default is None or (isinstance(default, Secret) and (default.variable is not None or not default))


def _unquoted(annotation: ast.expr) -> str:
    match annotation:
        case ast.Constant(value=str(text)):
            return text
    return ast.unparse(annotation)


def _names(targets: list[ast.expr]) -> list[str]:
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name) and _stored(node)]


def _stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _takes_none(kind: Type) -> bool:
    try:
        kind.from_value(None)
    except Mismatch:
        return False
    return True


def infer(value: Any) -> Type:
    """Give the type an unannotated default stands for."""
    if isinstance(value, list | tuple):
        item = _common(infer(part) for part in value)
        return List(item) if isinstance(value, list) else Series(item)
    if isinstance(value, dict):
        key = _common(infer(key) for key in value) if value else Str()
        return Dict(key, _common(infer(part) for part in value.values())) if isinstance(key, KEYS) else Anything()
    scalars: dict[type, Type] = {
        bool: Bool(), int: Int(), float: Float(), str: Str(), date: Date(), datetime: DateTime(), Secret: SecretType(),
    }  # fmt: skip
    return scalars.get(type(value), Anything())


def _common(kinds: Iterator[Type]) -> Type:
    distinct = set(kinds)
    if distinct == {Int(), Float()}:
        return Float()
    return distinct.pop() if len(distinct) == 1 else Anything()
