"""A Flow as a table in HTML, for notebooks: its Executors, and their processes if it runs.

It needs neither a network nor scripts, and takes its colours from the page, so that it can be read in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mproc_flow.supervisor.control import PodStatus
from mproc_flow.topology.deployment import DeploymentSpec, Part
from mproc_flow.topology.plan import GATEWAY

_ESCAPES = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;'})
_LONGEST = 60
_COLUMNS = ('Executor', 'uses', 'needs', 'processes')
_LINE = 'border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.4)'
_CELL = f'style="text-align: left; vertical-align: top; padding: 0.3em 0.8em; {_LINE}"'
# Both on white and on black they can be seen; the word beside says the same.
_COLOURS = {'ready': '#2a9d5c', 'failed': '#d64545', 'stopped': '#888888', 'planned': '#888888'}
_CHANGING = '#c98a00'


def table(title: str, deployments: Iterable[DeploymentSpec], pods: Sequence[PodStatus]) -> str:
    """Draw the Executors of a Flow.

    Args:
        title: A line above.
        deployments: What it consists of.
        pods: The status of its processes; empty if it does not run.
    """
    known = {pod.name: pod for pod in pods}
    rows = [_row(spec, part, known) for spec in deployments for part in spec.parts()]
    if GATEWAY in known:
        rows.append((f'<i>{GATEWAY}</i>', '', '', _process(known[GATEWAY])))
    head = ''.join(f'<th {_CELL}>{name}</th>' for name in _COLUMNS)
    body = ''.join('<tr>' + ''.join(f'<td {_CELL}>{cell}</td>' for cell in row) + '</tr>' for row in rows)
    return (
        '<div style="overflow-x: auto">'
        f'<div style="padding: 0.3em 0">{escape(title)}</div>'
        '<table style="border-collapse: collapse; color: inherit; background: transparent">'
        f'<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def escape(text: str) -> str:
    """Give a text as it is written in HTML."""
    return text.translate(_ESCAPES)


def _row(spec: DeploymentSpec, part: Part, known: dict[str, PodStatus]) -> tuple[str, ...]:
    is_main = part.name == spec.name
    names = [name for shard in part.pods for name in shard]
    running = [_process(known[name]) for name in names if name in known]
    needs = ', '.join(spec.needs) if part.name == spec.parts()[0].name else ''
    notes = [note for note, holds in (('floating', spec.floating), ('inspects', spec.role == 'inspect')) if holds]
    name = f'<b>{escape(part.name)}</b>' if is_main else escape(part.name)
    return (
        name + (f' <i>({", ".join(notes)})</i>' if notes and is_main else ''),
        escape(_uses(spec, part)),
        escape(needs),
        '<br>'.join(running) or escape(_count(spec, part)),
    )


def _uses(spec: DeploymentSpec, part: Part) -> str:
    if spec.is_passive:
        return '–'
    if spec.external:
        return f'{spec.args.host}:{spec.args.port}'
    return _named(part.uses)


def _named(uses: Any) -> str:
    if uses is None:
        return 'BaseExecutor'
    text = uses.__qualname__ if isinstance(uses, type) else ' '.join(str(uses).split())
    return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 1]}…'


def _count(spec: DeploymentSpec, part: Part) -> str:
    if spec.external:
        return 'external'
    if not part.replicas:
        return 'none: only unites'
    shards = f'{part.shards} shards' if part.shards > 1 else ''
    replicas = f'{part.replicas} replicas' if part.replicas > 1 else ''
    return ' × '.join(filter(None, (shards, replicas))) or '1'


def _process(pod: PodStatus) -> str:
    colour = _COLOURS.get(pod.state, _CHANGING)
    facts = [pod.state if pod.state != 'starting' or not pod.phase else f'{pod.state}, {pod.phase}']
    facts += [f'pid {pod.pid}'] if pod.pid else []
    facts += [f'{pod.restarts} restarts'] if pod.restarts else []
    dot = f'<span style="color: {colour}">●</span>'
    return f'{dot} {escape(pod.name)}: {escape(", ".join(facts))}'
