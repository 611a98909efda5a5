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


class BatchCounts(msgspec.Struct):
    """What dynamic batching has done at one endpoint, since the pod's process began.

    Attributes:
        calls: Calls of the method.
        documents: Documents in them.
        requests: Requests that have begun.
        seconds_waited: How long these had waited, all together.
        largest: Most Documents in a call.
        waiting: Requests that wait now.
    """

    calls: int = 0
    documents: int = 0
    requests: int = 0
    seconds_waited: float = 0.0
    largest: int = 0
    waiting: int = 0


class Batches(msgspec.Struct, frozen=True, tag='batches'):
    """Pod: so much has dynamic batching done, by endpoint; at most twice a second, and again after the last change."""

    endpoints: dict[str, BatchCounts]


Report = Phase | Ready | StartFailed | LogRecord | Drained | Heard | Batches


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
    """Guardian to every pod: the end is near.

    The gateway takes no new requests, and answers Drained when none is in flight; in other pods no request waits any
    longer for others to share its call.
    """


class Announce(msgspec.Struct, frozen=True, tag='announce'):
    """Guardian to Executor pods: this process of the gateway may not have had your Hello, say it again.

    Attributes:
        first_key: Where its numbers for work begin; of what has lower ones it knows nothing.
    """

    first_key: int


class Stop(msgspec.Struct, frozen=True, tag='stop'):
    """Guardian: finish what you are doing, close, and exit."""


# Each gateway has numbers of its own for work, so many bits of them: a pod may still answer for one that died.
_KEY_BITS = 40


def first_key(generation: int) -> int:
    """Give the first number for work that this process of the gateway has."""
    return generation << _KEY_BITS


Command = Assignment | PodLost | Drain | Announce | Stop
