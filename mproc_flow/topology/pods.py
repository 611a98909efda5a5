"""The processes that a Deployment becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from mproc_flow.options.groups import EXECUTOR, start_method
from mproc_flow.topology import devices
from mproc_flow.topology.deployment import DeploymentSpec, Part
from mproc_flow.topology.plan import GATEWAY, ExecutorSpec, PodSpec
from mproc_flow.topology.source import Source

# These are for the Executor itself, not for what stands before or after it.
_ITS_OWN = ('uses_with', 'uses_metas', 'uses_requests', 'uses_dynamic_batching')


class Host(msgspec.Struct, frozen=True):
    """What a plan needs to know of the user's process and its host at the moment of the start.

    Args:
        environ: Environment variables of the user's process.
        workdir: Its working directory.
        sys_path: Its module search path.
        count_devices: Tells how many GPUs there are.
        find_class: Gives the Executor class of the user's program that has this name, or None.
    """

    environ: Mapping[str, str]
    workdir: str
    sys_path: Sequence[str]
    count_devices: Callable[[], int]
    find_class: Callable[[str], type[Any] | None]


def sources(spec: DeploymentSpec, host: Host) -> dict[str, Source]:
    """Return what to load in the pods of each node of a Deployment.

    Args:
        spec: The Deployment, with what it inherits.
        host: Where it will run.

    Raises:
        BadOption, BadConfigSource: There is no such Executor, or it cannot work.
    """
    found = {}
    for part in spec.parts():
        if part.replicas:
            options = spec.options if part.name == spec.name else _without(spec.options, _ITS_OWN)
            option = 'uses' if part.name == spec.name else part.name.rpartition('/')[2]
            found[part.name] = Source.of({**options, 'uses': part.uses}, host, spec.where, option)
    return found


def executor_pods(spec: DeploymentSpec, found: Mapping[str, Source], host: Host) -> tuple[PodSpec, ...]:
    """Return the processes of one Deployment.

    Args:
        spec: The Deployment, with what it inherits.
        found: What to load in them, see :func:`sources`.
        host: Where they will run.

    Raises:
        BadOption: ``JINA_MP_START_METHOD`` or a round robin over devices cannot be resolved.
    """
    pods: list[PodSpec] = []
    for part in spec.parts():
        if part.replicas:
            pods += _pods(spec, part, found[part.name], host)
    return tuple(pods)


def _pods(spec: DeploymentSpec, part: Part, source: Source, host: Host) -> list[PodSpec]:
    options = EXECUTOR.with_defaults(spec.options)
    shared = process_options(options, host.environ)
    executor = ExecutorSpec(
        uses=source.path,
        py_modules=source.py_modules,
        metas=source.metas,
        requests=source.requests,
        workspace=options['workspace'],
        batching=source.batching,
    )
    return [
        PodSpec(
            name=name,
            deployment=part.name,
            shard=shard,
            shards=part.shards,
            replica=replica,
            replicas=part.replicas,
            env=devices.assign(options['env'] or {}, replica, host.count_devices, spec.where),
            restart=options['restart'],
            executor=executor,
            **shared,
        )
        for shard, names in enumerate(part.pods)
        for replica, name in enumerate(names)
    ]


def gateway_pod(flow: Mapping[str, Any], environ: Mapping[str, str]) -> PodSpec:
    """Return the gateway's process, from all options of the Flow. It has no part in a round robin over devices."""
    env = dict(flow['env'] or {})
    if devices.is_round_robin(env):
        del env[devices.DEVICES_VARIABLE]
    return PodSpec(name=GATEWAY, deployment=GATEWAY, env=env, **process_options(flow, environ))


def process_options(options: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what any process takes from its options, in the units of a plan: seconds, None for ever."""
    ready = options['timeout_ready']
    return {
        'start_method': start_method(options['start_method'], environ),
        'timeout_ready': ready / 1000 if ready > 0 else None,
        'timeout_ctrl': float(options['timeout_ctrl']),
    }


def _without(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}
