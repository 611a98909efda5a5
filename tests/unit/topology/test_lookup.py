"""What can be said about the class that ``uses`` names, without importing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mproc_flow import binding
from mproc_flow.executor import Executor
from mproc_flow.topology import lineage, lookup
from tests.unit.topology.sources import GOOD, IMPORT, NUMBERS, PLACE, fault, write

pytestmark = pytest.mark.usefixtures('nothing_is_imported')


# ---- the class in a module of its own ----


def of_source(tmp_path: Path, source: str, name: str = 'Encoder', overrides: dict[str, str] | None = None) -> str:
    module = f'of_source_{next(NUMBERS)}'
    write(tmp_path, {f'{module}.py': source})
    return fault(f'{module}:{name}', [str(tmp_path)], overrides=overrides)


MARKED = '    @requests(on="/x")\n    def a(self, **kwargs): ...\n'

FINE = {
    'a good one': GOOD,
    'the module of the class': 'from mproc_flow.executor import Executor, requests\nclass Encoder(Executor):\n'
    + MARKED,
    'whole module': 'import mproc_flow\nclass Encoder(mproc_flow.Executor):\n'
    '    @mproc_flow.requests\n    def a(self): ...',
    'module by another name': 'import mproc_flow.executor as m\nclass Encoder(m.Executor):\n'
    '    @m.requests()\n    def a(self): ...',
    'jina': 'from jina import Executor as E, requests as r\nclass Encoder(E):\n    @r(on=["/x"])\n    def a(self): ...',
    'either': 'try:\n    from mproc_flow import Executor, requests\n'
    'except ImportError:\n    from jina import Executor, requests\n'
    'class Encoder(Executor):\n' + MARKED,
    'inherited': IMPORT + 'class Base(Executor):\n' + MARKED + 'class Encoder(Base): ...',
    'a mixin has the method': IMPORT + 'class Mixin:\n' + MARKED + 'class Encoder(Mixin, Executor): ...',
    'diamond': IMPORT + 'class A(Executor): ...\nclass B(A): ...\nclass C(A):\n' + MARKED + 'class Encoder(B, C): ...',
    'same endpoint in base': IMPORT + 'class Base(Executor):\n' + MARKED + 'class Encoder(Base):\n' + MARKED,
    'same method again': IMPORT + 'class Encoder(Executor):\n' + MARKED + MARKED,
    'overwritten': IMPORT + 'class Encoder(Executor):\n' + MARKED + MARKED.replace('a(', 'b(') + '    a = None',
    'unknown base': 'from .x import Base\nclass Encoder(Base): ...',
    'base made by a call': 'class Encoder(make()): ...',
    'generic': 'from typing import Generic, T\nclass Encoder(Generic[T]): ...',
    'metaclass': 'class Encoder(metaclass=Meta): ...',
    'decorated class': '@executor\nclass Encoder: ...',
    'other decorator': IMPORT + 'class Encoder(Executor):\n    @mine\n    def a(self): ...',
    'setter': IMPORT + 'class Encoder(Executor):\n    x = property()\n    @x.setter\n    def x(self, v): ...',
    'method made by a call': IMPORT + 'class Encoder(Executor):\n    a = make()',
    'marked in the body': IMPORT + 'class Encoder(Executor):\n    def a(self): ...\n    requests(a)',
    'marked later': IMPORT + 'class Encoder(Executor):\n    def a(self): ...\nrequests(Encoder.a)',
    'put in later': IMPORT + 'class Encoder(Executor): ...\nEncoder.a = requests(lambda self: None)',
    'handed on': IMPORT + 'class Encoder(Executor): ...\ncomplete(Encoder)',
    'other Executor': 'class Executor: ...\nfrom mproc_flow import Executor\nclass Encoder(Executor): ...',
    'handed on base': IMPORT + 'complete(Executor)\nclass Encoder(Executor): ...',
    'changed base': 'import mproc_flow\nmproc_flow.Executor = X\nclass Encoder(mproc_flow.Executor): ...',
    'own requests': IMPORT + 'class Encoder(Executor):\n    @property\n    def requests(self): return {}',
    'another class': IMPORT + 'class Encoder(Executor):\n    def __new__(cls): ...',
    'subclass hook': IMPORT + 'class Base(Executor):\n    def __init_subclass__(cls): ...\nclass Encoder(Base): ...',
    'rebound': IMPORT + 'class Encoder: ...\nEncoder = make(Encoder)',
    'loop': 'for Encoder in make(): ...',
    'with': 'with make() as Encoder: ...',
    'with several': 'with make() as (Other, [*Encoder]): ...',
    'assigned': 'Encoder = make()',
    'annotated': 'Encoder: type = make()',
    'imported': 'from .encoder import Encoder',
    'imported by another name': 'from .encoder import E as Encoder',
    'imported in try': 'try:\n    if x:\n        import a.b as Encoder\nfinally:\n    pass',
    'walrus': 'print(Encoder := make())',
    'walrus in comprehension': 'print([Encoder := make(x) for x in y])',
    'match': 'match make():\n    case {"a": [Encoder, *_]}: ...',
    'match as': 'match make():\n    case Other() as Encoder: ...',
    'match rest': 'match make():\n    case {"a": 1, **Encoder}: ...',
    'global': 'def f():\n    global Encoder\n    Encoder = make()\nf()',
    'star': 'from .encoder import *',
    'getattr': 'def __getattr__(name): ...',
    'getattr made': '__getattr__, __dir__ = attach()',
    'globals': 'globals()["Encoder"] = make()',
    'vars': 'import this\nvars(this)["Encoder"] = make()',
    'setattr': 'setattr(this, "Encoder", make())',
    'exec': 'exec(text)',
    'sys.modules': 'import sys\nsys.modules[__name__] = make()',
    'from sys': 'from sys import modules as m\nm[this] = make()',
    'told its name': 'fill(__name__)',
    'told its package': 'fill(name=__package__)',
    'attribute of itself': 'import this\nthis.Encoder = make()',
    'function with decorator': '@as_executor\ndef Encoder(): ...',
    'function or not': 'def Encoder(): ...\nif x: Encoder = make()',
    'bad escape': GOOD + 'x = "\\d"',
}


@pytest.mark.parametrize('source', FINE.values(), ids=FINE.keys())
def test_what_may_work_is_left_to_the_child(tmp_path: Path, source: str) -> None:
    assert of_source(tmp_path, source) == ''


WRONG = {
    'similar': (GOOD.replace('Encoder', 'Encodr'), ".py has no 'Encoder'; did you mean 'Encodr'?"),
    'few others': (GOOD.replace('Encoder', 'Xyz'), "has no 'Encoder'; known: Xyz"),
    'no class': ('x = 1', "has no 'Encoder'; it defines no class"),
    'in a function only': ('def f():\n    class Encoder: ...', "has no 'Encoder'"),
    'in a class only': ('class A:\n    class Encoder: ...', "has no 'Encoder'"),
    'in a comprehension only': ('[Encoder for Encoder in x]', "has no 'Encoder'"),
    'in the main guard only': ('if __name__ == "__main__":\n    class Encoder: ...', "has no 'Encoder'"),
    'with a logger': ('import logging\nlog = logging.getLogger(__name__)', "has no 'Encoder'"),
    'a function': ('def Encoder(): ...', 'that is a function; give a class with a method marked @requests'),
    'a coroutine': ('async def Encoder(): ...', 'that is a function'),
    'no base': ('class Encoder: ...', 'Encoder (of_source'),
    'base object': ('class Encoder(object): ...', 'is no Executor: derive it from mproc_flow.Executor'),
    'base dict': ('class Encoder(dict): ...', 'is no Executor'),
    'base is none': ('class Base: ...\nclass Encoder(Base): ...', 'is no Executor'),
    'nothing marked': (
        IMPORT + 'class Encoder(Executor):\n    """Doc."""\n    size: int = 3\n    names = ["a"]\n    def a(self): ...',
        'has no method marked @requests: mark one, or bind one with uses_requests',
    ),
    'empty': (IMPORT + 'class Encoder(Executor): pass', 'has no method marked @requests'),
    'nothing marked, jina': ('import jina\nclass Encoder(jina.Executor): ...', 'has no method marked @requests'),
    'nothing marked in bases': (
        IMPORT + 'class Base(Executor): ...\nclass Encoder(Base):\n    @staticmethod\n    def a(): ...',
        'has no method marked @requests',
    ),
    'used as main program': (
        IMPORT + 'class Encoder(Executor): ...\nif __name__ == "__main__":\n    use(Encoder)',
        'has no method marked @requests',
    ),
    'endpoint twice': (
        IMPORT + 'class Encoder(Executor):\n' + MARKED + '    @requests(on=["/y", "/x"])\n    def b(self): ...',
        "Encoder.a and .b are both bound to '/x'",
    ),
    'default twice': (
        IMPORT + 'class Encoder(Executor):\n    @requests\n    def a(self): ...\n    @requests()\n    def b(self): ...',
        "Encoder.a and .b are both bound to '/default'",
    ),
    'endpoint twice in base': (
        IMPORT + 'class Base(Executor):\n' + MARKED + MARKED.replace('a(', 'b(') + 'class Encoder(Base): ...',
        "Base.a and .b are both bound to '/x'",
    ),
    'syntax': ('x = 1\ndef f(:\n', '.py:2 is not valid Python: '),
    'indent': ('x = 1\n  y = 2\n', '.py:2 is not valid Python: unexpected indent'),
    'return': ('return 1', ".py:1 is not valid Python: 'return' outside function"),
    'null': ('x = 1\0', 'is not valid Python'),
}


@pytest.mark.parametrize(('source', 'expected'), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_work_is_refused(tmp_path: Path, source: str, expected: str) -> None:
    message = of_source(tmp_path, source)
    assert message.startswith(f"{PLACE} is 'of_source_")
    assert expected in message


def test_overrides_need_methods(tmp_path: Path) -> None:
    source = IMPORT + 'class Base(Executor):\n    def encode(self): ...\nclass Encoder(Base, dict): ...'
    assert of_source(tmp_path, source, overrides={'/x': 'encode', '/y': 'close', '/z': 'update', '/_': '_x'}) == ''
    message = of_source(tmp_path, source, overrides={'/x': 'encoed'})
    assert "but uses_requests binds '/x' to 'encoed', and Encoder (of_source" in message
    assert message.endswith(":4) has no such method; did you mean 'encode'?")
    assert of_source(tmp_path, source.replace('dict', 'other.Mixin'), overrides={'/x': 'encoed'}) == ''


def test_of_a_nested_class_only_the_outer_is_looked_for(tmp_path: Path) -> None:
    assert of_source(tmp_path, 'class Outer: ...', 'Outer.Inner') == ''
    assert "has no 'Outer'" in of_source(tmp_path, 'class X: ...', 'Outer.Inner')


def test_what_is_known_of_executors_is_true() -> None:
    public = {name for kind in (Executor, type) for name in dir(kind) if not name.startswith('_')}
    assert public | set(Executor.__annotations__) - {'_bindings'} <= lineage.INHERITED
    assert lookup.MARK == binding._ENDPOINTS
