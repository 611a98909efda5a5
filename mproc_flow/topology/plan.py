"""The Plan: the flat, immutable list of pods and routes of one start.

It is made once by the Flow's graph and then run by the Guardian. It is data only (it can be sent to a fresh
interpreter as bytes); what a user gave as objects (Executor classes and their arguments) travels beside it,
see :class:`ExecutorSpec`. Times are in seconds here; the user's options in milliseconds are converted before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mproc_flow.options.polling import ANY

GATEWAY = 'gateway'


class ExecutorSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an Executor pod has to load.

    Attributes:
        uses: Import path (``package.module:Class`` or ``package.module.Class``) or, with ``py_modules``,
            a bare class name, resolved in the child. None if the user gave a class object: then the class
            is in ``payload``, or, under fork, in the memory the pod inherits.
        py_modules: Python files to import first, as absolute paths.
        payload: The user's class and ``uses_with`` as bytes (cloudpickle), made in the user's process and
            only ever loaded in the pod. Empty under fork.
        main: How to import the user's main module first, as multiprocessing's spawn would; empty if not needed.
        metas: ``metas`` of the Executor (name, description, workspace, ...).
        requests: ``{endpoint: method name}`` that override the class's own bindings.
        workspace: Base directory for the Executor's files, or None.
        batching: ``uses_dynamic_batching``: how requests share calls, by endpoint or method name.
    """

    uses: str | None = None
    py_modules: tuple[str, ...] = ()
    payload: bytes = b''
    main: dict[str, str] = {}
    metas: dict[str, object] = {}
    requests: dict[str, str] = {}
    workspace: str | None = None
    batching: dict[str, dict[str, Any]] = {}


class PodSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process to run.

    Attributes:
        name: ``encoder/rep-0``, ``encoder/shard-1/rep-0`` or ``gateway`` (Jina's names).
        deployment: Name of the node it works for, see :class:`Route`, or ``gateway``.
        shard: Number of its shard, from 0.
        shards: How many shards the Deployment has.
        replica: Number of the replica within the shard, from 0.
        replicas: How many replicas the shard has.
        start_method: ``fork``, ``spawn`` or ``forkserver``.
        env: Environment variables set before the child imports anything.
        timeout_ready: Seconds from process start to ready; None waits for ever.
        timeout_ctrl: Seconds the pod gets to stop before it is killed.
        restart: Start the pod again when it dies.
        executor: What to load, or None for the gateway.
    """

    name: str
    deployment: str
    start_method: str
    shard: int = 0
    shards: int = 1
    replica: int = 0
    replicas: int = 1
    env: dict[str, str] = {}
    timeout_ready: float | None = 600.0
    timeout_ctrl: float = 60.0
    restart: bool = True
    executor: ExecutorSpec | None = None


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node of the graph as the Router sees it.

    Attributes:
        name: Name of the node, unique: that of its Deployment, or that with ``/uses_before`` or ``/uses_after``.
        needs: Names of the nodes (or ``gateway``) whose answers it waits for, in the order in which they are merged.
        shards: Names of the pods that can do its work, by shard. Empty: what arrives is passed on as it is.
        polling: Which shards get a request, see :mod:`mproc_flow.options.polling`.
        target: What ``target_executor`` is matched against; empty if the node is meant whatever that says.
        side: The client's answer does not wait for it, and an error in it fails nobody.
        apart: What arrives from several nodes or shards is not merged.
        when: Condition for Documents to be given to it, see :mod:`mproc_flow.options.condition`.
        address: Where an external Executor listens, which does the work instead of pods of ours.
        timeout_send: Seconds that one pod may take over one piece of work; 0 for no limit.
        retries: How often a piece of work is given to a pod again after one died that held it; -1 for no limit.
    """

    name: str
    needs: tuple[str, ...]
    shards: tuple[tuple[str, ...], ...] = ()
    polling: str | dict[str, str] = ANY
    target: str = ''
    side: bool = False
    apart: bool = False
    when: dict[str, Any] | None = None
    address: str = ''
    timeout_send: float = 0.0
    retries: int = -1


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything the Guardian needs to run one Flow.

    Attributes:
        flow: Name of the Flow, for people.
        pods: The Executor pods, in order of addition, then the gateway.
        routes: The graph, in an order in which every node comes after all it needs.
        leaves: Nodes whose answers make the answer to the client, in the order of merging. Empty for a Flow without
            Executors: the gateway answers with the request.
        start_method: The Flow's own start method, used for the gateway.
        host: Address to listen on if ``port`` is given.
        port: TCP port for clients from outside, 0 for any that is free, or None: then only a private socket file is
            open.
        max_in_flight: Most requests that may be under way at once.
        preload: Modules that a forkserver imports once for all its pods.
        sys_path: ``sys.path`` of the user's process, for pods that are fresh interpreters.
        workdir: Working directory of the user's process.
        log_level: Level of its root logger, for pods that are fresh interpreters.
        shared_memory_from: See the option of a Flow.
    """

    flow: str
    pods: tuple[PodSpec, ...]
    routes: tuple[Route, ...]
    leaves: tuple[str, ...]
    start_method: str
    host: str = '127.0.0.1'
    port: int | None = None
    max_in_flight: int = 10_000
    preload: tuple[str, ...] = ()
    sys_path: tuple[str, ...] = ()
    workdir: str = ''
    log_level: int = 30
    shared_memory_from: int = 0
