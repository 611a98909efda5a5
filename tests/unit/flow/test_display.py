"""A Flow as HTML, for notebooks."""

from __future__ import annotations

from html.parser import HTMLParser

from mproc_flow import AsyncFlow, Deployment, Executor, Flow, requests
from mproc_flow.display import table
from mproc_flow.supervisor.control import PodStatus


class Encoder(Executor):
    """Any Executor."""

    @requests
    def encode(self, **kwargs: object) -> None:
        """Do nothing."""


class Page(HTMLParser):
    """Reads a table: its rows, and whether every element that was opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.names: set[str] = set()
        self._open: list[str] = []
        self._cell: list[str] | None = None
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open."""
        self.names.add(tag)
        if tag == 'br':
            return
        self._open.append(tag)
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self._open.pop() == tag
        if self._cell is not None and tag in ('td', 'th'):
            self.rows[-1].append(' '.join(''.join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        """Keep the text of cells."""
        if self._cell is not None:
            self._cell.append(data)


def test_a_flow_shows_its_executors() -> None:
    """One row for each, and for what stands before and after it."""
    f = (
        Flow(name='shop')
        .add(name='a', uses=Encoder, replicas=2)
        .add(name='b', uses='some.module:Class', needs='gateway', shards=3, replicas=2, uses_after=Encoder)
        .needs(['a', 'b'], name='join')
        .add(name='log', floating=True)
        .add(name='far', external=True, port=51001)
        .inspect(uses=Encoder)
    )
    html = f._repr_html_()
    assert 'Flow &#x27;shop&#x27;, not running' in html
    assert Page(html).rows == [
        ['Executor', 'uses', 'needs', 'processes'],
        ['a', 'Encoder', 'gateway', '2 replicas'],
        ['b', 'some.module:Class', 'gateway', '3 shards × 2 replicas'],
        ['b/uses_after', 'Encoder', '', '1'],
        ['join', '–', 'a, b', 'none: only unites'],
        ['log (floating)', 'BaseExecutor', 'join', '1'],
        ['far', '127.0.0.1:51001', 'join', 'external'],
        ['inspect (inspects)', 'Encoder', 'far', '1'],
    ]


def test_a_flow_that_runs_shows_its_processes() -> None:
    """Each with state, pid and restarts; the gateway in a row of its own."""
    f = Flow().add(name='a', uses=Encoder, replicas=2)
    pods = [
        PodStatus('a/rep-0', 17, 'ready', 'ready', 0),
        PodStatus('a/rep-1', 18, 'starting', 'init', 2),
        PodStatus('gateway', 19, 'ready', '', 0),
    ]
    rows = Page(table('', [f['a']], pods)).rows
    assert rows[1:] == [
        ['a', 'Encoder', 'gateway', '● a/rep-0: ready, pid 17● a/rep-1: starting, init, pid 18, 2 restarts'],
        ['gateway', '', '', '● gateway: ready, pid 19'],
    ]


def test_what_is_inherited_from_the_flow_is_shown() -> None:
    """As it will run."""
    assert Page(Flow(replicas=4).add(name='a')._repr_html_()).rows[1][3] == '4 replicas'


def test_texts_are_escaped_and_shortened() -> None:
    """Nothing that a user wrote is taken for HTML, and YAML does not fill the screen."""
    html = Flow(name='<script>').add(uses='jtype: X\nwith: {a: "<b>"}\n' + 'metas: {}\n' * 20)._repr_html_()
    assert '<script' not in html
    page = Page(html)
    assert 'b' in page.names, 'the name of the Executor'
    assert page.rows[1][1].startswith('jtype: X with: {a: "<b>"}')
    assert len(page.rows[1][1]) == 60


def test_it_needs_no_network_no_script_and_no_colour_of_its_own() -> None:
    """It is readable in light and dark, and offline."""
    html = AsyncFlow().add(uses=Encoder)._repr_html_()
    assert Page(html).names == {'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'b'}
    assert 'http' not in html
    assert 'color: inherit; background: transparent' in html
    assert html.count('AsyncFlow') == 1


def test_a_deployment_shows_itself_too() -> None:
    """Like a Flow of one Executor."""
    html = Deployment(name='enc', uses=Encoder, replicas=2)._repr_html_()
    assert 'Deployment, not running' in html
    assert Page(html).rows[1:] == [['enc', 'Encoder', 'gateway', '2 replicas']]
