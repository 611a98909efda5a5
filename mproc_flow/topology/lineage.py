"""Whether a class in a module's source is an Executor that works, as far as the source shows it."""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Iterable, Mapping

import msgspec

from mproc_flow.topology.syntax import Code, Fault, Function, Uncertain, suggestion

# A class that has one of these can make something else than what its other methods say.
_SPECIAL = frozenset({'__new__', '__init_subclass__', '__getattribute__', 'requests', '_bindings'})
# What every Executor has. A name with an underscore is not judged at all.
INHERITED = frozenset(
    {
        'close',
        'logger',
        'metas',
        'mro',
        'requests',
        'retryable',
        'runtime_args',
        'workspace',
        'writable_arrays',
    }
)

_EXECUTOR, _REQUESTS = 'mproc_flow.Executor', 'mproc_flow.requests'
_DEFAULT_ENDPOINT = '/default'
_WRAPPERS = ('staticmethod', 'classmethod', 'property')
_NOT_LITERAL = object()

# The endpoints of each attribute of a class; None where they are not known.
_Methods = dict[str, tuple[str, ...] | None]


class _Lineage(msgspec.Struct):
    classes: list[ast.ClassDef]
    inherited: set[str]
    is_executor: bool = False


def check_class(code: Code, name: str, overrides: Mapping[str, str]) -> None:
    """Check what is bound to a name at the top of a module.

    Raises:
        Fault: It cannot be an Executor that works.
        Uncertain: The source does not show what it is.
    """
    if code.is_opaque or name in code.patched:
        raise Uncertain
    found = code.bound.get(name, [])
    if not found:
        hint = suggestion(name, code.classes) if code.classes else '; it defines no class'
        raise Fault(f'{code.path} has no {name!r}{hint}')
    if all(isinstance(node, Function) and not node.decorator_list for node in found):
        raise Fault('that is a function; give a class with a method marked @requests')
    lineage = _lineage(code, name)
    if not lineage.is_executor:
        raise Fault(f'{_where(code, lineage.classes[0])} is no Executor: derive it from mproc_flow.Executor')
    tables = [_methods(code, kind) for kind in lineage.classes]
    for kind, methods in zip(lineage.classes, tables, strict=True):
        _check_endpoints(code, kind, methods)
    _check_bound(code, lineage, tables, overrides)


def _lineage(code: Code, name: str) -> _Lineage:
    """Follow a class to its bases; every one of them has to be known."""
    if code.patched & {'Executor', 'requests', '_bindings', '__bases__'}:
        raise Uncertain
    lineage = _Lineage([], set())
    mentions = _mentions(code.tree)
    waiting = [name]
    while waiting:
        kind = _only_class(code, waiting.pop(0))
        if kind in lineage.classes:
            continue
        if kind.keywords or kind.decorator_list or _names([kind, *kind.bases]) & mentions:
            raise Uncertain
        lineage.classes.append(kind)
        for base in kind.bases:
            waiting += _trace(code, base, lineage)
    return lineage


def _only_class(code: Code, name: str) -> ast.ClassDef:
    found = code.bound.get(name, [])
    if len(found) == 1 and isinstance(found[0], ast.ClassDef):
        return found[0]
    raise Uncertain


def _trace(code: Code, base: ast.expr, lineage: _Lineage) -> list[str]:
    """Put a base into the lineage, or return its name if it is a class of this module."""
    if _origin(code, base) == _EXECUTOR:
        lineage.is_executor = True
        return []
    if not isinstance(base, ast.Name):
        raise Uncertain
    if base.id in code.bound:
        return [base.id]
    builtin = getattr(builtins, base.id, None)
    if not isinstance(builtin, type) or builtin.__module__ != 'builtins':
        raise Uncertain
    lineage.inherited.update(dir(builtin))
    return []


def _mentions(tree: ast.Module) -> set[str]:
    """Return the names that are used other than as bases: what is passed on can be changed there."""
    bases = {
        id(base)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.keywords
        for base in node.bases
    }
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in bases}


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {name for node in nodes if (name := getattr(node, 'name', getattr(node, 'id', '')))}


def _origin(code: Code, node: ast.expr) -> str:
    """Return where something was imported from, Jina's names as ours; empty if that is not known."""
    if isinstance(node, ast.Attribute):
        origins = {f'{_origin(code, node.value)}.{node.attr}'}
    else:
        found = code.bound.get(node.id, []) if isinstance(node, ast.Name) else []
        origins = {_as_ours(what) if isinstance(what, str) else '' for what in found}
    return _as_ours(origins.pop()) if len(origins) == 1 else ''


def _as_ours(origin: str) -> str:
    top, dot, rest = origin.partition('.')
    ours = f'mproc_flow{dot}{rest}' if top == 'jina' else origin
    return ours.replace('mproc_flow.executor.', 'mproc_flow.', 1)


def _methods(code: Code, kind: ast.ClassDef) -> _Methods:
    found: _Methods = {}
    for statement in kind.body:
        if isinstance(statement, Function):
            found[statement.name] = _marks(code, statement)
        else:
            found.update(dict.fromkeys(_constants(statement), ()))
    if _SPECIAL & found.keys():
        raise Uncertain
    return found


def _constants(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Pass):
        return []
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if len(names) == len(targets) and _literal(statement.value) is not _NOT_LITERAL:
            return names if statement.value is not None else []
    raise Uncertain


def _literal(node: ast.expr | None) -> object:
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _NOT_LITERAL


def _marks(code: Code, method: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...] | None:
    found: list[str] = []
    wrappers: list[str] = []
    for decorator in method.decorator_list:
        is_call = isinstance(decorator, ast.Call)
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if _origin(code, function) == _REQUESTS:
            endpoints = _endpoints(decorator) if isinstance(decorator, ast.Call) else (_DEFAULT_ENDPOINT,)
            if endpoints is None:
                return None
            found += endpoints
        elif not is_call and isinstance(function, ast.Name) and function.id in _WRAPPERS:
            wrappers.append(function.id)
        else:
            return None
    is_clear = not (found and wrappers) and not any(name in code.bound for name in wrappers)
    return tuple(found) if is_clear else None


def _endpoints(call: ast.Call) -> tuple[str, ...] | None:
    if call.args or any(keyword.arg != 'on' for keyword in call.keywords):
        return None
    given = _literal(call.keywords[0].value) if call.keywords else None
    if given is None:
        return (_DEFAULT_ENDPOINT,)
    endpoints = (given,) if isinstance(given, str) else given
    if not isinstance(endpoints, (list, tuple)) or not all(isinstance(endpoint, str) for endpoint in endpoints):
        return None
    return tuple(endpoints) or None


def _check_endpoints(code: Code, kind: ast.ClassDef, methods: _Methods) -> None:
    taken: dict[str, str] = {}
    for name, endpoints in methods.items():
        for endpoint in dict.fromkeys(endpoints or ()):
            if endpoint in taken:
                both = f'{kind.name}.{taken[endpoint]} and .{name}'
                raise Fault(f'{both} are both bound to {endpoint!r} ({code.path}): an endpoint has one method')
            taken[endpoint] = name


def _check_bound(code: Code, lineage: _Lineage, tables: list[_Methods], overrides: Mapping[str, str]) -> None:
    where = _where(code, lineage.classes[0])
    known = {name for methods in tables for name in methods}
    for endpoint, name in overrides.items():
        if name not in known | INHERITED | lineage.inherited and not name.startswith('_'):
            has = [method for method in sorted(known) if not method.startswith('_')]
            similar = suggestion(name, has)
            raise Fault(f'uses_requests binds {endpoint!r} to {name!r}, and {where} has no such method{similar}')
    if not overrides and all(endpoints == () for methods in tables for endpoints in methods.values()):
        raise Fault(f'{where} has no method marked @requests: mark one, or bind one with uses_requests')


def _where(code: Code, kind: ast.ClassDef) -> str:
    return f'{kind.name} ({os.path.basename(code.path)}:{kind.lineno})'
