"""Check the budgets of the code: sizes, nesting, parameters, broad excepts, asserts and sleeps.

Everywhere: a module has at most 300 lines, a function 40 lines, nesting 3 and 6 parameters, and what catches
``Exception``, ``BaseException`` or everything raises again. A comment can give the reason for an exception:
``# nesting: why`` on the ``def`` line (then 4), ``# parameters: why`` there too, any comment on the ``except`` line.

In mproc_flow no ``assert`` checks anything at run time. Test modules do not sleep: they wait for a condition. A
class in one (an Executor that has to be slow) may.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 40
NESTING = 3
NESTING_WITH_REASON = 4
PARAMETERS = 6

BROAD = {'Exception', 'BaseException'}
NESTS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match) + (
    (ast.TryStar,) if sys.version_info >= (3, 11) else ()
)
# Comments that talk to a tool are no reason for a person.
TO_A_TOOL = re.compile(r'#\s*(noqa|type:|pragma:|fmt:|pylint:|nosec)[^#]*')

Function = ast.FunctionDef | ast.AsyncFunctionDef
Message = tuple[int, str]


@dataclass
class Source:
    """One parsed file, with its comments and the rules that hold for it."""

    path: Path
    in_package: bool
    is_test: bool
    lines: int = 0
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    comments: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, root: Path) -> Source:
        """Parse a file; its place below the root says which rules hold."""
        text = path.read_text(encoding='utf-8')
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
        top = path.relative_to(root).parts[0]
        is_test = top == 'tests' and path.stem.startswith(('test_', 'conftest'))
        tree = ast.parse(text, str(path))
        return cls(path, top == 'mproc_flow', is_test, len(text.splitlines()), tree, comments)

    def reason(self, first: int, last: int, keyword: str = '') -> str:
        """Return the reason given in a comment on these lines, after ``keyword:`` if there is one."""
        for line in range(first, last + 1):
            comment = TO_A_TOOL.sub('', self.comments.get(line, ''))
            match = re.search(rf'#\s*{keyword}{":" if keyword else ""}\s*(\w.*)', comment)
            if match:
                return match[1]
        return ''


def check(source: Source) -> Iterator[Message]:
    """Yield what is over budget in one file, as line and message."""
    if source.lines > MODULE_LINES:
        yield 1, f'module has {source.lines} lines, at most {MODULE_LINES} fit'
    yield from check_scope(source, source.tree, None)


def check_scope(source: Source, scope: ast.AST, owner: ast.ClassDef | None) -> Iterator[Message]:
    """Yield what is wrong below a node; ``owner`` is the innermost class around it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.ClassDef):
            yield from check_scope(source, node, node)
            continue
        if isinstance(node, Function):
            yield from check_function(source, node, is_method=isinstance(scope, ast.ClassDef))
        elif isinstance(node, ast.ExceptHandler):
            yield from check_handler(source, node)
        elif isinstance(node, ast.Call):
            yield from check_call(source, node, owner)
        elif isinstance(node, ast.Assert) and source.in_package:
            yield node.lineno, 'assert vanishes under python -O: raise an error'
        yield from check_scope(source, node, owner)


def check_function(source: Source, function: Function, is_method: bool) -> Iterator[Message]:
    """Yield which budgets of a function are exceeded."""
    name, line = function.name, function.lineno
    signature = (line, max(line, function.body[0].lineno - 1))
    length = (function.end_lineno or line) - line + 1
    if length > FUNCTION_LINES:
        yield line, f'{name}() has {length} lines, at most {FUNCTION_LINES} fit'
    depth = nesting(function)
    allowed = NESTING_WITH_REASON if source.reason(*signature, 'nesting') else NESTING
    if depth > allowed:
        hint = '' if allowed == NESTING_WITH_REASON else ' (4 with a comment "# nesting: reason" on the def line)'
        yield line, f'{name}() nests {depth} deep, at most {allowed} is allowed{hint}'
    count = parameters(function, is_method)
    if count > PARAMETERS and not source.reason(*signature, 'parameters'):
        yield line, f'{name}() takes {count} parameters, at most {PARAMETERS} without "# parameters: reason"'


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Return how deep statements nest below a node; functions and classes inside it count for themselves."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.Lambda):
            continue
        deeper = isinstance(child, NESTS) and not is_elif(node, child)
        deepest = max(deepest, nesting(child, depth + deeper))
    return deepest


def is_elif(parent: ast.AST, child: ast.AST) -> bool:
    """Say whether an ``if`` is the ``elif`` of the one above it: in the same column, as its only else."""
    if not (isinstance(parent, ast.If) and isinstance(child, ast.If)):
        return False
    return parent.orelse == [child] and parent.col_offset == child.col_offset


def parameters(function: Function, is_method: bool) -> int:
    """Count the parameters a caller has to think of: not ``self`` or ``cls``, and not ``**options``."""
    arguments = function.args
    count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs) + bool(arguments.vararg)
    static = any(isinstance(item, ast.Name) and item.id == 'staticmethod' for item in function.decorator_list)
    return count - (is_method and not static and bool(arguments.posonlyargs or arguments.args))


def check_handler(source: Source, handler: ast.ExceptHandler) -> Iterator[Message]:
    """Yield if an ``except`` swallows everything without a reason."""
    caught = 'everything' if handler.type is None else ', '.join(broad_names(handler.type))
    if caught and not raises(handler) and not source.reason(handler.lineno, handler.lineno):
        yield handler.lineno, f'except catches {caught}: raise again, or give the reason in a comment on this line'


def broad_names(node: ast.expr) -> list[str]:
    """Return which of the too general classes an expression names."""
    items = node.elts if isinstance(node, ast.Tuple) else [node]
    return [name for name in map(dotted_end, items) if name in BROAD]


def raises(node: ast.AST) -> bool:
    """Say whether there is a ``raise`` below a node that is not inside another function."""
    children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, Function | ast.Lambda)]
    return any(isinstance(child, ast.Raise) or raises(child) for child in children)


def check_call(source: Source, call: ast.Call, owner: ast.ClassDef | None) -> Iterator[Message]:
    """Yield if a call is ``suppress(Exception)``, or a sleep in a test."""
    name = dotted_end(call.func)
    if name == 'suppress' and any(broad_names(item) for item in call.args):
        if not source.reason(call.lineno, call.lineno):
            yield call.lineno, 'suppress hides every error: name them, or give the reason in a comment on this line'
    in_test = source.is_test and (owner is None or owner.name.startswith('Test'))
    if name == 'sleep' and in_test and is_time_sleep(call.func):
        yield call.lineno, 'a test sleeps: wait for the condition instead'


def is_time_sleep(function: ast.expr) -> bool:
    """Say whether this is ``time.sleep`` or a bare ``sleep``, and not for instance ``asyncio.sleep``."""
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and dotted_end(function.value) == 'time'
    )


def dotted_end(node: ast.expr) -> str:
    """Return the last name of ``a.b.c``, or nothing for another expression."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ''


def find_sources(root: Path) -> Iterator[Source]:
    """Read every Python file of the project, in order."""
    for folder in ('mproc_flow', 'scripts', 'docs', 'tests'):
        for path in sorted((root / folder).rglob('*.py')):
            yield Source.read(path, root)


def main(arguments: Iterable[str]) -> int:
    """Check the project given, or the one this file belongs to; return the exit code."""
    roots = [Path(argument) for argument in arguments] or [Path(__file__).resolve().parent.parent]
    sources = [source for root in roots for source in find_sources(root)]
    findings = [f'{source.path}:{line}: {message}' for source in sources for line, message in sorted(check(source))]
    for finding in findings:
        print(finding)
    print(f'check_budgets: {len(sources)} files, {len(findings)} finding(s)')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
