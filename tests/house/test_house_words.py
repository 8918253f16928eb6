"""The words hold: names say what a thing is, and every public function says what it means.

GLOSSARY.md gives each word its one meaning; here is what a name may never be, in source and tests.
Money is counted, not measured, so the money rooms hold no floating-point number either.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_CLASS_SUFFIX_BANNED = re.compile(r"(Manager|Helpers?|Utils?|Utility|Service|Data|Info)$")
_MODULE_NAME_BANNED = re.compile(r"^(.*_)?(managers?|helpers?|utils?|misc|common_utils)\.py$")
_MONEY_ROOMS = ("src/suture/ledger/", "src/suture/model/money.py")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name_of(expression: ast.expr) -> str:
    """Return the last name of `a.b.C`, `C` or `C[int]`; decorators and bases are written so."""
    match expression:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _name_of(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _methods_of_ports(trees: dict[str, ast.Module]) -> set[str]:
    """Return the methods that a port (a Protocol or an abstract class) declares and documents."""
    return {
        method.name
        for tree in trees.values()
        for port in ast.walk(tree)
        if isinstance(port, ast.ClassDef)
        and {_name_of(base) for base in port.bases} & {"Protocol", "ABC"}
        for method in port.body
        if isinstance(method, _Function) and ast.get_docstring(method)
    }


def _public_functions(
    body: list[ast.stmt], *, in_class: bool = False
) -> Iterator[tuple[_Function, bool]]:
    """Yield functions and methods that another file may call, and whether each is a method."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, in_class=True)
        elif isinstance(node, _Function) and not node.name.startswith("_"):
            yield node, in_class
        elif isinstance(node, ast.If | ast.Try):
            yield from _public_functions(node.body + node.orelse, in_class=in_class)


def test_no_class_or_file_is_named_after_a_vague_role(
    source_trees: dict[str, ast.Module], test_trees: dict[str, ast.Module]
) -> None:
    """A Manager or a Helper says that nobody found the noun."""
    trees = source_trees | test_trees
    classes = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and _CLASS_SUFFIX_BANNED.search(node.name)
    ]
    files = [path for path in trees if _MODULE_NAME_BANNED.match(path.rsplit("/", 1)[-1])]
    vague = classes + files
    assert vague == [], "\n".join(vague)


def test_every_public_function_is_documented(source_trees: dict[str, ast.Module]) -> None:
    """A method that fulfils a port is described there, once; overloads and setters share a text."""
    told_elsewhere = {"overload", "override", "setter", "deleter"}
    ports = _methods_of_ports(source_trees)
    silent = [
        f"{path}:{function.lineno} {function.name}"
        for path, tree in source_trees.items()
        for function, is_method in _public_functions(tree.body)
        if not ast.get_docstring(function)
        and not told_elsewhere & {_name_of(each) for each in function.decorator_list}
        and not (is_method and function.name in ports)
    ]
    assert silent == [], "\n".join(silent)


def test_only_the_command_line_prints(source_trees: dict[str, ast.Module]) -> None:
    """Standard output is data for whoever runs a command; all else is an event or a log line."""
    prints = [
        f"{path}:{node.lineno}"
        for path, tree in source_trees.items()
        if not path.startswith(("src/suture/cli", "src/suture/__main__"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name_of(node) == "print"
        if isinstance(node.func, ast.Name)
    ]
    assert prints == [], "\n".join(prints)


def test_money_is_never_a_floating_point_number(source_trees: dict[str, ast.Module]) -> None:
    """Amounts are integers of minor units: no float literal, no `float`, no `Decimal`."""
    floats = [
        f"{path}:{node.lineno}"
        for path, tree in source_trees.items()
        if path.startswith(_MONEY_ROOMS)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id in {"float", "Decimal"})
    ]
    assert floats == [], "\n".join(floats)
