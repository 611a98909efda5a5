"""In which order Deployments come after what they need, and what can be wrong with their needs."""

from __future__ import annotations

from collections.abc import Sequence

from mproc_flow.errors import FlowTopologyError
from mproc_flow.options.suggest import did_you_mean
from mproc_flow.topology.deployment import DeploymentSpec
from mproc_flow.topology.plan import GATEWAY


def validate(specs: Sequence[DeploymentSpec]) -> None:
    """Check that every name in ``needs`` exists, that none stands twice, and that there is no cycle.

    Raises:
        FlowTopologyError: The message names the Executors and, for a cycle, all on it.
    """
    names = [spec.name for spec in specs]
    for spec in specs:
        _check_needs(spec, names)
    ordered(specs)


def ordered(specs: Sequence[DeploymentSpec]) -> tuple[DeploymentSpec, ...]:
    """Return the Deployments so that each comes after all it needs, else in the order given.

    Raises:
        FlowTopologyError: Some wait for each other in a cycle.
    """
    done = {GATEWAY}
    waiting = list(specs)
    found = []
    while waiting:
        spec = next((spec for spec in waiting if done.issuperset(spec.needs)), None)
        if spec is None:
            raise _cycle(waiting)
        waiting.remove(spec)
        done.add(spec.name)
        found.append(spec)
    return tuple(found)


def _check_needs(spec: DeploymentSpec, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in spec.needs:
        if name in seen:
            raise spec.error(f'needs {name!r} twice: name it once')
        if name != GATEWAY and name not in names:
            hint = did_you_mean(name, [other for other in (*names, GATEWAY) if other != spec.name])
            raise spec.error(f'needs {name!r}, which is not in the Flow{hint}')
        seen.add(name)


def _cycle(waiting: Sequence[DeploymentSpec]) -> FlowTopologyError:
    # Each that waits needs another that waits, so following these comes back to where it was.
    by_name = {spec.name: spec for spec in waiting}
    path = [waiting[0].name]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in by_name[path[-1]].needs if name in by_name))
    cycle = path[path.index(path[-1]) :]
    way = ' → '.join(reversed(cycle))
    return by_name[cycle[0]].error(f'waits for itself, results would go in a cycle {way}: change the needs of one')
