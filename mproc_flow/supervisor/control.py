"""What the owner (the user's process) and the Guardian say to each other on the control pipe."""

from __future__ import annotations

import msgspec

from mproc_flow.errors import PodFailure
from mproc_flow.runtime.messages import BatchCounts
from mproc_flow.topology.plan import Plan


class Launch(msgspec.Struct, frozen=True, tag='launch'):
    """Owner: run this Plan, with these payloads by Deployment. A forked Guardian has both in its memory."""

    plan: Plan
    payloads: dict[str, bytes]


class StopFlow(msgspec.Struct, frozen=True, tag='stop_flow'):
    """Owner: drain, stop every pod and end, within ``grace`` seconds."""

    grace: float


class KillFlow(msgspec.Struct, frozen=True, tag='kill_flow'):
    """Owner: kill every pod at once and end."""


Order = Launch | StopFlow | KillFlow


class RunDirectory(msgspec.Struct, frozen=True, tag='run_directory'):
    """Guardian: I exist and own this directory."""

    path: str


class PodStatus(msgspec.Struct, frozen=True, tag='pod_status'):
    """Guardian: a pod changed; also what :attr:`mproc_flow.Flow.pods` gives.

    Attributes:
        name: Its name, e.g. ``encoder/rep-0``.
        pid: Its process, or 0.
        state: A state of :mod:`mproc_flow.supervisor.lifecycle`, in lower case.
        phase: What it does within STARTING.
        restarts: How often it was restarted.
        batching: What dynamic batching has done in its process, by endpoint; at most half a second old.
    """

    name: str
    pid: int
    state: str
    phase: str
    restarts: int
    batching: dict[str, BatchCounts] = {}


class Started(msgspec.Struct, frozen=True, tag='started'):
    """Guardian: every pod is ready. ``address`` is for clients from outside, empty if there is none."""

    address: str


class NotStarted(msgspec.Struct, frozen=True, tag='not_started'):
    """Guardian: the start failed because of these pods."""

    failures: tuple[PodFailure, ...]


class PodLoss(msgspec.Struct, frozen=True, tag='pod_loss'):
    """Guardian: a pod that was ready died. ``fatal`` if the Flow can no longer serve without it."""

    failure: PodFailure
    fatal: bool
    next_start: float


class LogLine(msgspec.Struct, frozen=True, tag='log_line'):
    """Guardian: a pod wrote a line (``stream`` is ``stdout`` or ``stderr``) or logged a record (``log``)."""

    pod: str
    pid: int
    stream: str
    level: int
    logger: str
    text: str


class Stopped(msgspec.Struct, frozen=True, tag='stopped'):
    """Guardian: everything is down; ``killed`` names the pods that had to be killed."""

    killed: tuple[str, ...]


Notice = RunDirectory | PodStatus | Started | NotStarted | PodLoss | LogLine | Stopped
