"""Source code taken out of its modules, so that one notebook can hold it.

Modules are told apart by their namespaces, cells of a notebook share one: what two modules call by the same name gets
the later module's name added. Imports are gathered for a cell of their own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OWN = "workbench."
FUTURE = "from __future__ import annotations"
LINTER = re.compile(r"[ \t]*# (noqa|type: ignore)[^\n]*")
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
Scope = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Piece:
    """The source of one module, or of a part of it, as one cell.

    Attributes
    ----------
    about
        The first sentence of the module's docstring.
    code
        Without docstring and imports.
    imports : tuple of str
        One statement each.
    """

    name: str
    about: str
    code: str
    imports: tuple[str, ...]


def sources_of(folder: Path) -> dict[str, str]:
    """Read the modules of a package, by name."""
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py"))}


def with_needed(wanted: Iterable[str], sources: Mapping[str, str]) -> list[str]:
    """Name modules and all they import from beside them, what is needed first."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        for needed in _beside(ast.parse(sources[name])):
            visit(needed)
        ordered.append(name)

    for name in wanted:
        visit(name)
    return ordered


def _beside(tree: ast.Module) -> list[str]:
    return [str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]


def part_of(source: str, wanted: Iterable[str]) -> str:
    """Cut a module down to some of its definitions and all those they need; annotations need nothing."""
    tree = ast.parse(source)
    defined = {name: node for node in tree.body if isinstance(node, Definition) for name in _names(node)}
    reached: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _used(defined[name]) if name in defined else []
    lines = [f'"""{ast.get_docstring(tree) or ""}"""']
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines += [_import(node, alias) for alias in node.names if (alias.asname or alias.name) in reached]
        elif isinstance(node, Definition) and reached.intersection(_names(node)):
            lines.append(("\n" if isinstance(node, ast.Assign | ast.AnnAssign) else "\n\n") + _text(source, node))
    return "\n".join(lines) + "\n"


def _used(node: ast.AST) -> Iterator[str]:
    """Every name a definition mentions, but for annotations."""
    annotations = (getattr(node, "annotation", None), getattr(node, "returns", None))
    for child in ast.iter_child_nodes(node):
        if child in annotations:
            continue
        if isinstance(child, ast.Name):
            yield child.id
        yield from _used(child)


def _import(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Write one import; what comes from the workbench is taken from the piece of that name instead."""
    told = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
    if isinstance(node, ast.Import):
        return f"import {told}"
    module = str(node.module)
    return (
        f"from .{module.rpartition('.')[2]} import {told}" if module.startswith(OWN) else f"from {module} import {told}"
    )


def _names(node: ast.stmt) -> list[str]:
    """Name what a statement binds at the top of a module."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def _text(source: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def pieces(sources: Mapping[str, str], order: Iterable[str], taken: Iterable[str] = ()) -> list[Piece]:
    """Take modules apart for one notebook, in this order; `taken` are names that its own cells give."""
    known = dict.fromkeys(taken, "a cell of the notebook")
    renamed: dict[str, dict[str, str]] = {}
    found = []
    for name in order:
        tree = ast.parse(sources[name])
        kept = [node for node in tree.body if _is_wanted(node, tree, known)]
        renamed[name] = _renamed(name, tree, known, renamed)
        found.append(_piece(name, sources[name], tree, kept, renamed[name]))
    return found


def _renamed(
    name: str, tree: ast.Module, known: dict[str, str], others: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Find which names of a module are called otherwise in the notebook, and note those it gives."""
    changed: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            told = others[str(node.module)]
            changed |= {alias.asname or alias.name: told.get(alias.name, alias.name) for alias in node.names}
        for bound, meaning in _bound(node):
            new = bound
            if known.setdefault(bound, meaning) != meaning:
                new = f"{bound}_{name.upper() if bound.isupper() else name}"
                known[new] = meaning
            changed[bound] = new
    return {old: new for old, new in changed.items() if old != new}


def _bound(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Each name a statement binds, and what it means; equal assignments and imports mean the same."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        if not getattr(node, "level", 0):
            yield from ((alias.asname or alias.name, _import(node, alias)) for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from ((name, ast.unparse(node)) for name in _names(node))
    else:
        yield from ((name, f"{id(node)}") for name in _names(node))


def _piece(name: str, source: str, tree: ast.Module, kept: Container[ast.stmt], renamed: Mapping[str, str]) -> Piece:
    imports = []
    lines = [line.encode() for line in source.splitlines()]
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
            imports += [_imported(node, alias, renamed) for alias in node.names if _module(node) != "__future__"]
        if node not in kept:
            lines[node.lineno - 1 : node.end_lineno] = [b""] * (int(node.end_lineno or node.lineno) - node.lineno + 1)
    for line, column, old in sorted(_places(tree, renamed) if renamed else (), reverse=True):
        here = lines[line - 1]
        if here:
            lines[line - 1] = here[:column] + renamed[old].encode() + here[column + len(old.encode()) :]
    code = LINTER.sub("", b"\n".join(lines).decode())
    code = re.sub(r"\n{4,}", "\n\n\n", code).strip()
    return Piece(name, _first_sentence(ast.get_docstring(tree) or ""), code, tuple(imports))


def _is_wanted(node: ast.stmt, tree: ast.Module, known: Mapping[str, str]) -> bool:
    """Whether a statement is for the cell: no docstring, import, block for checkers, or assignment made before."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return False
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return any(known.get(name) != meaning for name, meaning in _bound(node))
    if isinstance(node, ast.If):
        return not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    return not (node is tree.body[0] and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _module(node: ast.Import | ast.ImportFrom) -> str:
    """Name the module a statement imports from."""
    return str(node.module) if isinstance(node, ast.ImportFrom) else ""


def _imported(node: ast.Import | ast.ImportFrom, alias: ast.alias, renamed: Mapping[str, str]) -> str:
    bound = alias.asname or alias.name
    return _import(node, ast.alias(alias.name, renamed.get(bound, alias.asname)))


def _places(node: ast.AST, renamed: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Where in the text the renamed names stand: line, column in bytes, old name; a local name hides them."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in renamed:
        yield node.lineno, node.col_offset + len("class " if isinstance(node, ast.ClassDef) else "def "), node.name
    if isinstance(node, Scope):
        renamed = {old: new for old, new in renamed.items() if old not in _local(node)}
    if isinstance(node, ast.Name) and node.id in renamed:
        yield node.lineno, node.col_offset, node.id
    for child in ast.iter_child_nodes(node):
        yield from _places(child, renamed)


def _local(scope: Scope) -> set[str]:
    """Names that a function binds itself."""
    found = {each.arg for each in ast.walk(scope.args) if isinstance(each, ast.arg)}
    body = scope.body if isinstance(scope.body, list) else [scope.body]
    inside = (each for statement in body for each in ast.walk(statement))
    return found | {each.id for each in inside if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _first_sentence(text: str) -> str:
    first = " ".join(text.split("\n\n")[0].split())
    return first if first.endswith(".") else f"{first}."
