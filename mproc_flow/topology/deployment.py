"""One node of a Flow, and the pods it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mproc_flow.options.groups import EXECUTOR, inherited, start_method
from mproc_flow.options.kinds import resolve
from mproc_flow.topology import devices
from mproc_flow.topology.plan import GATEWAY, ExecutorSpec, PodSpec


class DeploymentSpec(msgspec.Struct, frozen=True):
    """One named node of a Flow.

    Args:
        name: Its name, unique in the Flow.
        needs: Names of the Deployments, or ``gateway``, whose results it waits for.
        options: Its other options, as checked; only those that were given.
    """

    name: str
    needs: tuple[str, ...]
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def replicas(self) -> int:
        """How many replicas it has."""
        return int(self.options.get('replicas', EXECUTOR['replicas'].default))

    @property
    def pods(self) -> tuple[str, ...]:
        """Names of its pods, e.g. ``encoder/rep-0``."""
        return tuple(f'{self.name}/rep-{replica}' for replica in range(self.replicas))


class Host(msgspec.Struct, frozen=True):
    """What a plan needs to know of the user's process and its host at the moment of the start.

    Args:
        environ: Environment variables of the user's process.
        workdir: Its working directory.
        count_devices: Tells how many GPUs there are.
    """

    environ: Mapping[str, str]
    workdir: str
    count_devices: Callable[[], int]


def executor_pods(spec: DeploymentSpec, flow: Mapping[str, Any], host: Host) -> tuple[PodSpec, ...]:
    """Return the processes of one Deployment.

    Args:
        spec: The Deployment.
        flow: Checked options of its Flow.
        host: Where they will run.

    Raises:
        BadOption: ``JINA_MP_START_METHOD`` or a round robin over devices cannot be resolved.
    """
    options = EXECUTOR.with_defaults(inherited(flow, spec.options))
    shared = process_options(options, host.environ)
    executor = _executor(options, host)
    where = f'Executor {spec.name!r}'
    return tuple(
        PodSpec(
            name=name,
            deployment=spec.name,
            replica=replica,
            replicas=spec.replicas,
            env=devices.assign(options['env'] or {}, replica, host.count_devices, where),
            restart=options['restart'],
            executor=executor,
            **shared,
        )
        for replica, name in enumerate(spec.pods)
    )


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


def _executor(options: Mapping[str, Any], host: Host) -> ExecutorSpec:
    uses = options['uses']
    return ExecutorSpec(
        uses=uses if isinstance(uses, str) else None,
        py_modules=tuple(resolve(path, host.workdir) for path in options['py_modules']),
        metas=options['uses_metas'] or {},
        requests=options['uses_requests'] or {},
        workspace=options['workspace'],
    )
