"""What the source of a module says about an Executor in it, without running anything.

A :class:`Fault` is raised only for what is certain; whatever the source leaves open is :class:`Uncertain`.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader

import msgspec

from mproc_flow.options.suggest import did_you_mean

_FEW = 8

# With one of these a module can get names or change classes in ways that the source does not show.
_MAGIC = frozenset(
    'globals locals vars setattr delattr __setattr__ exec eval __dict__ __import__ __builtins__ modules _getframe '
    'currentframe f_globals f_locals'.split()
)
Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Scope = (*Function, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Fault(Exception):
    """The child would fail for certain; the message goes on after ``uses is ..., but``."""


class Uncertain(Exception):
    """Only the child can find out."""


class Code(msgspec.Struct, frozen=True):
    """The source of a module.

    Attributes:
        path: Its file.
        tree: What it says, without what stands under ``if __name__ == '__main__'``.
        bound: What each name at the top is bound to: the origins of imports as text, else the nodes.
        is_opaque: It may have names and attributes that cannot be seen.
        patched: Names of attributes that it assigns somewhere, of whatever object.
    """

    path: str
    tree: ast.Module
    bound: dict[str, list[ast.AST | str]]
    is_opaque: bool
    patched: frozenset[str]

    def may_have(self, name: str) -> bool:
        """False if the module has no such name for certain."""
        return self.is_opaque or name in self.bound or name in self.patched

    @property
    def classes(self) -> list[str]:
        """Names of the classes that it defines."""
        return [name for name, nodes in self.bound.items() if any(isinstance(node, ast.ClassDef) for node in nodes)]


def suggestion(name: str, known: list[str]) -> str:
    """Return the end of a message: the most similar name, or all known ones if they are few."""
    text = did_you_mean(name, known)
    return text if len(known) <= _FEW or text.startswith('; did') else ''


def read(path: str) -> Code:
    """Read a source file.

    Raises:
        Fault: It cannot be read or compiled.
        Uncertain: Only this process has trouble with it.
    """
    with warnings.catch_warnings():  # what to say about odd source, and whether it is an error, is up to the child
        warnings.simplefilter('ignore')
        try:
            with open(path, 'rb') as file:
                tree = ast.parse(file.read(), path)
            compile(tree, path, 'exec', dont_inherit=True)
        except (OSError, SyntaxError, ValueError) as error:
            _confirm(path)
            raise Fault(_complaint(path, error)) from None
        except (RecursionError, MemoryError):
            raise Uncertain from None
    return _code(path, tree)


def _confirm(path: str) -> None:
    # The child has the last word: it may have compiled the file before, and need not read the source.
    try:
        SourceFileLoader('module', path).get_code('module')
    except (OSError, SyntaxError, ValueError) as error:
        if any(hint in str(error) for hint in ('unknown encoding', 'encoding problem')):
            raise Uncertain from None  # the module's package may bring the codec
        return
    raise Uncertain


def _complaint(path: str, error: OSError | SyntaxError | ValueError) -> str:
    if isinstance(error, OSError):
        return f'{path} cannot be read: {error.strerror or error}'
    if isinstance(error, SyntaxError) and error.lineno:
        return f'{path}:{error.lineno} is not valid Python: {error.msg}'
    return f'{path} is not valid Python: {error}'


def _code(path: str, tree: ast.Module) -> Code:
    tree.body = [statement for statement in tree.body if not _is_main_guard(statement)]
    bound: dict[str, list[ast.AST | str]] = {}
    for node in _own_nodes(tree):
        for name, what in _bound(node):
            bound.setdefault(name, []).append(what)
    patched = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                bound.setdefault(name, []).append(node)
        elif isinstance(node, ast.NamedExpr):
            bound.setdefault(node.target.id, []).append(node)
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            patched.add(node.attr)
    is_opaque = '__getattr__' in bound or any(map(_is_magic, ast.walk(tree)))
    return Code(path, tree, bound, is_opaque, frozenset(patched))


def _is_main_guard(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    return ast.unparse(statement.test) in ("__name__ == '__main__'", "'__main__' == __name__")


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope; of the scopes in it only the node that makes them."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Scope):
            waiting.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.AST | str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition('.')[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif isinstance(node, ast.ImportFrom):
        origin = '' if node.level else node.module
        for alias in node.names:
            yield alias.asname or alias.name, f'{origin}.{alias.name}'
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id, node
    elif isinstance(node, (*Function, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        yield node.name or '', node
    elif isinstance(node, ast.MatchMapping):
        yield node.rest or '', node


def _is_magic(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _MAGIC
    if isinstance(node, ast.Attribute):
        return node.attr in _MAGIC
    if isinstance(node, ast.alias):
        return node.name == '*' or node.name in _MAGIC
    if isinstance(node, ast.Call) and not _last_name(node.func).lower().endswith(('getlogger', 'get_logger')):
        # Whoever is told the module's name can change the module; loggers do not.
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        return any(_last_name(value) in ('__name__', '__package__') for value in given)
    return False


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ''
