"""Flows as plain data, and what their answers must be: the rules of docs/design/routing.md once more, in plain Python.

Nothing here is made of the product. Only what the Executors do is the same code for both sides: :func:`act` works on
Documents of either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

GATEWAY = 'gateway'
ENDPOINTS = ('/index', '/search', '/x', '/y')


@dataclass
class Doc:
    """A Document of the model."""

    id: str
    text: str | None = None
    tags: dict[str, Any] = field(default_factory=dict)


# Conditions as the product gets them and as the model understands them.
CONDITIONS: dict[str, tuple[dict[str, Any], Callable[[Doc], bool]]] = {
    'red': ({'tags__color': {'$eq': 'red'}}, lambda doc: doc.tags.get('color') == 'red'),
    'not red': ({'tags__color': {'$neq': 'red'}}, lambda doc: doc.tags.get('color') != 'red'),
    'big': ({'tags__n': {'$gte': 2}}, lambda doc: doc.tags.get('n', 0) >= 2),
    'text': ({'text': {'$exists': True}}, lambda doc: bool(doc.text)),
    'no text': ({'text': {'$exists': False}}, lambda doc: not doc.text),
    'seen': ({'text': {'$regex': 'n[02]'}}, lambda doc: re.search('n[02]', doc.text or '') is not None),
    'either': (
        {'$or': [{'tags__n': {'$lt': 2}}, {'tags__color': {'$in': ['blue']}}]},
        lambda doc: doc.tags.get('n', 2) < 2 or doc.tags.get('color') == 'blue',
    ),
}


@dataclass(frozen=True)
class Node:
    """A Deployment, as plain data. No needs: it follows the one added before; no kind: it passes everything on."""

    name: str
    needs: tuple[str, ...] = ()
    role: str = 'add'
    kind: str = ''
    shards: int = 1
    replicas: int = 1
    polling: Any = 'any'
    when: str = ''
    endpoint: str = ''
    apart: bool = False
    floating: bool = False
    before: bool = False
    after: bool = False

    def answers(self, endpoint: str) -> bool:
        """True if its Executor has a method for an endpoint."""
        return self.endpoint in ('', endpoint)

    def takes_part(self, endpoint: str) -> bool:
        """True if it has anything to do for an endpoint: what stands before and after it answers all."""
        return self.before or self.after or self.answers(endpoint)

    def asks_all(self, endpoint: str) -> bool:
        """True if a request to an endpoint goes to all shards: one is enough if they do nothing with it."""
        if not self.answers(endpoint):
            return False
        named = self.polling if isinstance(self.polling, dict) else {'*': self.polling}
        own = {'/index': 'any', '/search': 'all', **named}
        return bool(own.get(endpoint, named.get('*', 'any')).lower() == 'all')

    @property
    def is_passive(self) -> bool:
        """True if no process runs for it."""
        return self.role != 'add' and len(self.needs) > 1 and self == Node(self.name, self.needs, self.role)


@dataclass(frozen=True)
class Plain:
    """A Flow, as plain data: its Deployments in the order of addition, and what becomes of its inspectors."""

    nodes: tuple[Node, ...]
    inspect: str = 'collect'

    @property
    def wired(self) -> dict[str, Node]:
        """The Deployments that take part, with the needs they have."""
        nodes: dict[str, Node] = {}
        for node in self.nodes:
            followed = [GATEWAY, *(other.name for other in nodes.values() if _flows(other))]
            needs = node.needs or (followed[-1],)
            if node.role == 'needs_all':
                needs = tuple(name for name in tails(nodes) if nodes[name].role != 'inspect')
            nodes[node.name] = replace(node, needs=needs)
        return {name: node for name, node in nodes.items() if (node.role, self.inspect) != ('inspect', 'remove')}


def awaited(nodes: Mapping[str, Node], hang: bool = False) -> set[str]:
    """Names of the Deployments that an answer waits for."""
    waiting = [name for name, node in nodes.items() if not node.floating and not (hang and node.role == 'inspect')]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += nodes[name].needs
    return found


def tails(nodes: Mapping[str, Node], hang: bool = False) -> list[str]:
    """Names of the Deployments that make the answer: nobody on the way needs them. Inspectors come last."""
    on_the_way = awaited(nodes, hang)
    needed = {need for name in on_the_way if nodes[name].role != 'inspect' for need in nodes[name].needs}
    ends = [name for name in nodes if name in on_the_way and name not in needed]
    return [n for n in ends if nodes[n].role != 'inspect'] + [n for n in ends if nodes[n].role == 'inspect']


def expected(
    flow: Plain, documents: Sequence[Doc], endpoint: str, targets: Iterable[str] = (), turns: Mapping[str, int] = {}
) -> list[Doc]:
    """Say what answer a client must get.

    Args:
        flow: The Flow.
        documents: What it sends.
        endpoint: Where.
        targets: The Executors that are meant; none for all.
        turns: Which shard's turn it is, by Deployment, where one shard is asked; else the first.
    """
    nodes, meant = flow.wired, set(targets)
    results: dict[str, list[Doc]] = {GATEWAY: list(documents)}

    def result(name: str) -> list[Doc]:
        if name not in results:
            node = nodes[name]
            inputs = [deepcopy(result(need)) for need in node.needs]
            passes = node.is_passive or bool(meant and name not in meant)
            results[name] = merge(inputs) if passes else _deployment(node, inputs, endpoint, turns.get(name, 0))
        return results[name]

    docs = merge([result(name) for name in tails(nodes, flow.inspect == 'hang') or [GATEWAY]])
    if any(node.when for node in nodes.values()):
        places = [doc.id for doc in documents]
        docs.sort(key=lambda doc: places.index(doc.id) if doc.id in places else len(places))
    return docs


def asked(flow: Plain, endpoint: str, targets: Iterable[str] = ()) -> dict[str, int]:
    """Say how many shards of which Deployments work for a request; those beside the way work too."""
    meant = set(targets)
    return {
        name: node.shards if node.asks_all(endpoint) else 1
        for name, node in flow.wired.items()
        if not node.is_passive and node.takes_part(endpoint) and (not meant or name in meant)
    }


def merge(parts: Sequence[Sequence[Doc]]) -> list[Doc]:
    """Unite parts by id; of each field the first that is not empty wins."""
    found: dict[str, Doc] = {}
    for doc in (doc for part in parts for doc in part):
        mine = found.setdefault(doc.id, Doc(doc.id))
        mine.text = mine.text or doc.text
        mine.tags = mine.tags or deepcopy(doc.tags)
    return list(found.values())


def _deployment(node: Node, inputs: list[list[Doc]], endpoint: str, turn: int) -> list[Doc]:
    groups = inputs if node.apart and len(inputs) > 1 else [merge(inputs)]
    if node.takes_part(endpoint):
        groups = [[doc for doc in docs if _meets(node, doc)] for docs in groups]
    if node.before:
        groups = [act('text', f'<{node.name}', (0, 1), merge(groups), [])]
    if node.answers(endpoint):
        shards = range(node.shards) if node.asks_all(endpoint) else [turn % node.shards]
        names = node.needs if len(groups) > 1 else ()
        answers = [_shard(node, (shard, node.shards), deepcopy(groups), names) for shard in shards]
    else:
        answers = [merge(groups)]
    return act('unite', f'>{node.name}', (0, 1), [], answers) if node.after else merge(answers)


def _shard(node: Node, place: tuple[int, int], groups: list[list[Doc]], names: Sequence[str]) -> list[Doc]:
    docs = [doc for group in groups for doc in group]
    return act(node.kind, f'{",".join(names)}{node.name}.{place[0]}', place, docs, groups)


def _meets(node: Node, doc: Doc) -> bool:
    return not node.when or CONDITIONS[node.when][1](doc)


def _flows(node: Node) -> bool:
    return not node.floating and node.role != 'inspect'


# ---- what the Executors of both sides do ----


def act(kind: str, mark: str, place: tuple[int, int], docs: list[Any], groups: list[list[Any]]) -> list[Any]:
    """Do what an Executor of some kind does, and give its Documents.

    Args:
        kind: ``text`` and ``tag`` mark all, ``share`` marks only each shard's share, ``part`` drops what is not in it,
            ``new`` adds one more, ``unite`` tells what it got apart.
        mark: Who does it.
        place: Number of its shard, and how many there are.
        docs: What it gets; changed.
        groups: The same apart.
    """
    if kind == 'unite':
        return list(_united(mark, groups))
    mine = [doc for number, doc in enumerate(docs) if number % place[1] == place[0]]
    for doc in mine if kind == 'share' else docs:
        if kind in ('text', 'share', 'part'):
            doc.text = f'{doc.text or ""}{mark} '
        elif kind == 'tag':
            doc.tags[mark] = len(docs)
    if kind == 'new' and docs:
        docs = [*docs[:1], type(docs[0])(id=mark, text=docs[0].text), *docs[1:]]
    return mine if kind == 'part' else docs


def _united(mark: str, groups: list[list[Any]]) -> Iterator[Any]:
    texts: dict[str, list[str]] = {}
    for number, doc in ((number, doc) for number, group in enumerate(groups) for doc in group):
        texts.setdefault(doc.id, []).append(f'{number}={doc.text}{sorted(doc.tags)}')
    for doc in (doc for group in groups for doc in group):
        if doc.id in texts:
            doc.text = f'({"+".join(texts.pop(doc.id))}){mark} '
            yield doc


# ---- at random ----

POLLING = ('any', 'any', 'ALL', {'/x': 'all'}, {'/search': 'ANY', '*': 'ALL'}, {'/index': 'all', '/y': 'ANY'})
KINDS = ('text', 'tag', 'share', 'part', 'new', 'unite', 'unite', 'unite', '')


@st.composite
def random_flows(draw: st.DrawFn, least: int = 1, most: int = 8, replicas: int = 2) -> Plain:
    """Flows of some Deployments; they have all that is in the table of docs/design/routing.md, but nothing external."""
    nodes: dict[str, Node] = {}
    conditions = draw(st.sampled_from(((), ('red',), tuple(CONDITIONS))))
    for number in range(draw(st.integers(least, most))):
        name = f'n{number}'
        nodes[name] = draw(_nodes(name, nodes, replicas, conditions))
    needed = {need for node in Plain(tuple(nodes.values())).wired.values() for need in node.needs}
    for name, node in nodes.items():
        if node.floating and name not in needed and node.kind and draw(st.booleans()):
            nodes[name] = replace(node, kind='fail')  # which is to harm nobody
    order = tuple(nodes.values())
    if all(node.needs and node.role != 'inspect' for node in order):
        order = tuple(draw(st.permutations(order)))  # names in needs may be added later
    return Plain(order, draw(st.sampled_from(('collect', 'hang', 'remove'))))


@st.composite
def _nodes(draw: st.DrawFn, name: str, nodes: Mapping[str, Node], replicas: int, conditions: Iterable[str]) -> Node:
    others = [GATEWAY, *(other.name for other in nodes.values() if other.role != 'inspect')]
    roles = ['add'] * 5 + ['inspect'] + ['needs'] * 2 * (len(others) > 2)
    open_ends = [end for end in tails(Plain(tuple(nodes.values())).wired) if nodes[end].role != 'inspect']
    role = draw(st.sampled_from(roles + ['needs_all'] * bool(open_ends)))
    if role == 'needs_all' or role == 'inspect':
        needs: tuple[str, ...] = ()
    else:
        least = 2 if role == 'needs' else 0
        needs = tuple(draw(st.lists(st.sampled_from(others), unique=True, min_size=least, max_size=3)))
    if role in ('needs', 'needs_all') and draw(st.booleans()):
        return Node(name, needs, role)
    kind = draw(st.sampled_from(KINDS))
    shards = draw(st.sampled_from((1, 1, 2, 3)))
    after = shards > 1 and draw(st.booleans())
    before = draw(st.integers(0, 5)) == 0
    may_be_apart = kind == 'unite' and not before and (len(needs) > 1 or shards == 1 or after)
    return replace(
        Node(name, needs, role, kind, shards, draw(st.integers(1, replicas)), before=before, after=after),
        polling=draw(st.sampled_from(POLLING)) if shards > 1 else 'any',
        when=draw(st.sampled_from(('', '', '', *conditions))),
        endpoint=draw(st.sampled_from(('', '', '', '', *ENDPOINTS))) if kind else '',
        floating=role != 'inspect' and draw(st.integers(0, 5)) == 0,
        apart=may_be_apart and draw(st.booleans()),
    )


@st.composite
def random_documents(draw: st.DrawFn) -> list[Doc]:
    """Up to three Documents, some with text, some with tags."""
    texts = st.sampled_from((None, '', 'x'))
    tags = st.sampled_from(({}, {'color': 'red', 'n': 1}, {'color': 'blue'}, {'n': 3}))
    return [Doc(f'd{number}', draw(texts), dict(draw(tags))) for number in range(draw(st.integers(0, 3)))]
