"""What a pod and its Guardian say to each other on the pod's pipe."""

from __future__ import annotations

import signal

import msgspec

from mproc_flow.errors import ErrorInfo
from mproc_flow.model.schema import EndpointSchema
from mproc_flow.topology.plan import Plan, PodSpec

# Faulthandler in a pod answers it with the stacks of all threads, also when C code holds the GIL.
DUMP_SIGNAL = int(getattr(signal, 'SIGRTMAX', signal.SIGUSR2))


class Phase(msgspec.Struct, frozen=True, tag='phase'):
    """Pod: I am now doing this (``importing``, ``init``, ``warming up``)."""

    phase: str


class Ready(msgspec.Struct, frozen=True, tag='ready'):
    """Pod: I serve.

    Attributes:
        address: Where clients from outside find the gateway, if it has such an address.
        schemas: What an Executor's methods take and give, by endpoint.
    """

    address: str = ''
    schemas: dict[str, EndpointSchema] = {}


class StartFailed(msgspec.Struct, frozen=True, tag='start_failed'):
    """Pod: I cannot start, for this reason; the last thing it says."""

    cause: str
    traceback: str


class LogRecord(msgspec.Struct, frozen=True, tag='log'):
    """Pod: a record of Python's logging, already formatted."""

    level: int
    logger: str
    text: str


class Drained(msgspec.Struct, frozen=True, tag='drained'):
    """Gateway: I was told to drain, and no request is in flight any more."""


class Heard(msgspec.Struct, frozen=True, tag='heard'):
    """Gateway: this process of a pod has said Hello, and is given work."""

    pod: str
    generation: int


Report = Phase | Ready | StartFailed | LogRecord | Drained | Heard


class Assignment(msgspec.Struct, frozen=True, tag='assignment'):
    """Guardian: be this pod. Sent to fresh interpreters; a forked pod has it in its memory.

    Attributes:
        spec: Which pod to be.
        plan: The whole Plan (without other pods' payloads); the gateway needs its routes.
        generation: How many processes this pod had before; tells a restarted pod from the old one.
        run_directory: The private directory of this start.
    """

    spec: PodSpec
    plan: Plan
    generation: int
    run_directory: str


class PodLost(msgspec.Struct, frozen=True, tag='pod_lost'):
    """Guardian to gateway: this pod's process is gone.

    Attributes:
        pod: Its name.
        generation: Which of its processes.
        info: The error for callers whose requests it held.
        final: True if it is not restarted any more.
    """

    pod: str
    generation: int
    info: ErrorInfo
    final: bool


class Drain(msgspec.Struct, frozen=True, tag='drain'):
    """Guardian to gateway: take no new requests; answer Drained when none is in flight."""


class Announce(msgspec.Struct, frozen=True, tag='announce'):
    """Guardian to Executor pods: the gateway is a new process, say Hello to it again."""


class Stop(msgspec.Struct, frozen=True, tag='stop'):
    """Guardian: finish what you are doing, close, and exit."""


Command = Assignment | PodLost | Drain | Announce | Stop
