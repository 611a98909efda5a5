"""Prove that imports inside mproc_flow point one way.

Rules, each finding with file and line:

* a layer (a module or folder directly under the package) imports only the layers its row in ``ALLOWED`` names;
* modules do not import each other in a circle;
* no function imports a module of our own, except where loading later is the point (``lazy_import_allowed``);
* only ``transport`` imports what moves bytes between processes (``TRANSPORT_ONLY``).

Imports under ``if TYPE_CHECKING`` count like any other: a layer that needs a name from above is in the wrong place.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

BASE = frozenset({'errors', 'crossing', 'logs', 'hooks', 'version'})
POD = BASE | {'model', 'options', 'topology', 'transport', 'signature', 'binding', 'executor', 'runtime'}
EVERYTHING = POD | {
    'alone',
    'types',
    'supervisor',
    'posting',
    'client',
    'background',
    'async_client',
    'export',
    'run',
    'service',
    'definition',
    'display',
    'deployment',
    'flow',
    'async_flow',
    'compat',
    'testing',
    'cli',
    '__init__',
}

ALLOWED: dict[str, frozenset[str]] = {
    'errors': frozenset(),
    'crossing': frozenset({'errors'}),
    'version': frozenset(),
    'logs': frozenset({'errors'}),
    'hooks': frozenset({'errors', 'logs'}),
    'model': BASE,
    'options': BASE,
    'topology': BASE | {'model', 'options'},
    'export': BASE | {'model', 'options', 'topology'},
    'types': BASE | {'model'},
    'transport': BASE | {'model'},
    'signature': BASE | {'model'},
    'binding': BASE | {'model', 'options', 'signature'},
    'executor': BASE | {'model', 'options', 'transport', 'signature', 'binding'},
    'runtime': POD - {'runtime'},
    'supervisor': POD,
    'posting': BASE | {'model', 'options', 'transport'},
    'client': BASE | {'model', 'options', 'topology', 'transport', 'posting'},
    'background': BASE | {'supervisor'},
    'async_client': BASE | {'model', 'options', 'transport', 'posting', 'client', 'background'},
    'run': POD | {'supervisor', 'client'},
    'service': POD | {'supervisor', 'posting', 'client', 'run'},
    'display': BASE | {'topology', 'supervisor'},
    'deployment': POD | {'supervisor', 'client', 'export', 'run', 'service', 'display'},
    'definition': BASE | {'options', 'topology', 'service', 'display'},
    'flow': POD | {'supervisor', 'client', 'export', 'run', 'definition', 'deployment'},
    'async_flow': POD | {'supervisor', 'client', 'async_client', 'background', 'run', 'service', 'flow'},
    'compat': BASE,  # what it gives other names it finds by name
    'testing': POD | {'supervisor', 'client', 'export', 'flow'},
    'alone': POD | {'supervisor', 'run'},
    'cli': EVERYTHING - {'cli'},
    '__init__': EVERYTHING - {'__init__', 'cli'},
    '__main__': EVERYTHING,
}

TRANSPORT_ONLY = frozenset({'zmq', 'mmap'})

# Module -> the own modules it may import inside a function, with the reason beside it.
LAZY: dict[str, frozenset[str]] = {
    # PyYAML is for those who have a file
    'mproc_flow.flow': frozenset(
        {
            'mproc_flow.topology.configuration',
            'mproc_flow.topology.flowfile',
            'mproc_flow.topology.flowdump',
        }
    ),
    'mproc_flow.deployment': frozenset(
        {
            'mproc_flow.topology.configuration',
            'mproc_flow.topology.flowfile',
            'mproc_flow.topology.flowdump',
        }
    ),
    # ... and reading source code for those who give names
    'mproc_flow.topology.source': frozenset(
        {'mproc_flow.topology.configuration', 'mproc_flow.topology.executorfile', 'mproc_flow.topology.lookup'}
    ),
    # files, tables and the codec, which knows what a DocumentArray is: few pods use them, and all start sooner
    'mproc_flow.model.stored': frozenset(
        {'mproc_flow.model.files', 'mproc_flow.model.packed', 'mproc_flow.model.show', 'mproc_flow.model.sources'}
    ),
    'mproc_flow.model.forms': frozenset({'mproc_flow.model.packed', 'mproc_flow.model.show'}),
    'mproc_flow.model.content': frozenset({'mproc_flow.model.uri'}),
    # ... and typed documents are for programs that have loaded docarray
    'mproc_flow.model.request': frozenset({'mproc_flow.model.typed'}),
    'mproc_flow.posting.return_type': frozenset({'mproc_flow.model.typed'}),
    # asyncio would make every pod without async methods start later
    'mproc_flow.runtime.executor_pod': frozenset({'mproc_flow.runtime.worker_async'}),
}


@dataclass(frozen=True)
class Import:
    """One imported module: where, what, and whether inside a function."""

    line: int
    target: str
    inside_function: str | None


@dataclass
class Module:
    """One source file of the package and what it imports."""

    name: str
    path: Path
    is_package: bool
    imports: list[Import] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: {self.message}'


def check(package: Path) -> list[Finding]:
    """Return every broken rule in the package, in order of file and line."""
    modules = read_package(package)
    findings = [finding for module in modules.values() for finding in check_module(module, modules, package.name)]
    findings += [describe_cycle(cycle, modules) for cycle in find_cycles(import_graph(modules))]
    return sorted(findings)


def check_module(module: Module, modules: dict[str, Module], package: str) -> Iterator[Finding]:
    """Yield what is wrong with each import of one module."""
    own_layer = layer_of(module.name, package)
    if own_layer not in ALLOWED:
        yield Finding(str(module.path), 1, f'layer {own_layer!r} has no row in ALLOWED of scripts/check_layers.py')
        return
    for item in module.imports:
        if item.target.partition('.')[0] == package:
            message = check_own_import(module, item, package)
        else:
            message = check_foreign_import(own_layer, item)
        if message:
            yield Finding(str(module.path), item.line, message)


def check_own_import(module: Module, item: Import, package: str) -> str | None:
    """Say what is wrong with an import of a module of the package, if anything is."""
    own_layer, layer = layer_of(module.name, package), layer_of(item.target, package)
    if layer != own_layer and layer not in ALLOWED[own_layer]:
        return f'{own_layer} may not import {layer} ({item.target}): it is not below it'
    if item.inside_function and not lazy_import_allowed(module, item, package):
        return (
            f'{item.target} is imported inside {item.inside_function}(): import it at the top, or add a reason to LAZY'
        )
    return None


def check_foreign_import(own_layer: str, item: Import) -> str | None:
    """Say what is wrong with an import of somebody else's module, if anything is."""
    root = item.target.partition('.')[0]
    if root in TRANSPORT_ONLY and own_layer != 'transport':
        return f'{own_layer} may not import {root}: only transport moves bytes between processes'
    return None


def lazy_import_allowed(module: Module, item: Import, package: str) -> bool:
    """Say whether this function may import a module of the package when it is called."""
    if layer_of(module.name, package) == 'cli':
        return True  # one subcommand must not pay for the imports of the others
    if module.is_package and item.inside_function == '__getattr__':
        return True
    return item.target in LAZY.get(module.name, frozenset())


def layer_of(module: str, package: str) -> str:
    """Return the layer of a dotted module name: the first name below the package."""
    return '__init__' if module == package else module.split('.')[1]


def read_package(package: Path) -> dict[str, Module]:
    """Parse every module of the package; the keys are dotted names."""
    modules = {}
    for path in sorted(package.rglob('*.py')):
        parts = path.relative_to(package.parent).with_suffix('').parts
        is_package = parts[-1] == '__init__'
        name = '.'.join(parts[:-1] if is_package else parts)
        modules[name] = Module(name, path, is_package)
    for module in modules.values():
        tree = ast.parse(module.path.read_text(encoding='utf-8'), str(module.path))
        module.imports = list(find_imports(tree, module, modules))
    return modules


def find_imports(
    node: ast.AST, module: Module, modules: dict[str, Module], function: str | None = None
) -> Iterator[Import]:
    """Yield every import below a node, with the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(child.lineno, alias.name, function) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            targets = dict.fromkeys(targets_of(child, module, modules))
            yield from (Import(child.lineno, target, function) for target in targets)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from find_imports(child, module, modules, child.name)
        else:
            yield from find_imports(child, module, modules, function)


def targets_of(node: ast.ImportFrom, module: Module, modules: dict[str, Module]) -> Iterator[str]:
    """Yield the modules a ``from ... import`` names: a submodule where there is one, else the module itself."""
    base = node.module or ''
    if node.level:
        here = module.name.split('.')
        kept = len(here) - node.level + module.is_package
        base = '.'.join(here[:kept] + ([node.module] if node.module else []))
    for alias in node.names:
        submodule = f'{base}.{alias.name}'
        yield submodule if submodule in modules else base


def import_graph(modules: dict[str, Module]) -> dict[str, set[str]]:
    """Return which modules of the package each module imports when it is itself imported."""
    return {
        name: {item.target for item in module.imports if item.target in modules and not item.inside_function}
        for name, module in modules.items()
    }


def find_cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return one cycle for every group of modules that import each other, each as the way round."""
    cycles: list[list[str]] = []
    seen: set[str] = set()
    for start in sorted(graph):
        way = [] if start in seen else way_back(graph, start)
        if way:
            cycles.append(way)
            seen.update(way)
    return cycles


def way_back(graph: dict[str, set[str]], start: str) -> list[str]:
    """Return the shortest way from a module back to itself, or nothing."""
    ways = [[start]]
    visited: set[str] = set()
    for way in ways:
        for target in sorted(graph[way[-1]] - visited):
            if target == start:
                return [*way, start]
            visited.add(target)
            ways.append([*way, target])
    return []


def describe_cycle(cycle: list[str], modules: dict[str, Module]) -> Finding:
    """Make the finding for a cycle, at the import that begins it."""
    first = modules[cycle[0]]
    line = next(item.line for item in first.imports if item.target == cycle[1] and not item.inside_function)
    return Finding(str(first.path), line, f'import cycle: {" -> ".join(cycle)}')


def main(arguments: Iterable[str]) -> int:
    """Check the package given, or mproc_flow beside this folder; return the exit code."""
    packages = [Path(argument) for argument in arguments] or [Path(__file__).resolve().parent.parent / 'mproc_flow']
    findings = [finding for package in packages for finding in check(package)]
    for finding in findings:
        print(finding)
    print(f'check_layers: {len(findings)} finding(s)' if findings else 'check_layers: imports point one way')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
