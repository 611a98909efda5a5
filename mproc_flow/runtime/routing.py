"""What the Router keeps about pods, requests and pieces of work."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

import msgspec

from mproc_flow.errors import ErrorInfo, FlowFailed
from mproc_flow.model.schema import DEFAULT_ENDPOINT
from mproc_flow.runtime.queues import FairQueue
from mproc_flow.runtime.sends import Client, Peer
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Part

# A pattern is matched in the gateway, with names of Executors only.
_LONGEST_TARGET = 256
# Clients may name any endpoint.
_MOST_ENDPOINTS = 1000
# How much the newest piece of work counts for what one is expected to cost.
_NEWEST = 0.2


class Pod(msgspec.Struct, eq=False):
    """A pod as the Router knows it.

    Attributes:
        name: Its name.
        lane: Where it works.
        peer: Its process on the socket.
        generation: Which of its processes that is.
        gone: Its last process that died.
        credit: How much work it may have.
        endpoints: What it answers.
        retryable: Of these, at which work may be begun again.
        present: It takes work.
        lost: Why there will be no other process, if so.
        held: The work that it has, by key.
        alone: What it has is under suspicion, and it gets nothing else.
        slots: Slots that were used and are free; all others below the number of held pieces are in use.
        cost: Seconds that a piece of work takes of its time, on average.
        samples: From how many pieces that is known.
    """

    name: str
    lane: Lane
    peer: Peer = b''
    generation: int = -1
    gone: int = -1
    credit: int = 0
    endpoints: frozenset[str] = frozenset()
    retryable: frozenset[str] = frozenset()
    present: bool = False
    lost: ErrorInfo | None = None
    held: dict[int, Job] = {}
    alone: bool = False
    slots: list[int] = []
    cost: float = 0.0
    samples: int = 0

    def retries(self, endpoint: str) -> bool:
        """Say whether work for an endpoint may be begun again after a process died of it."""
        if endpoint in self.endpoints:
            return endpoint in self.retryable
        if DEFAULT_ENDPOINT in self.endpoints:
            return DEFAULT_ENDPOINT in self.retryable
        return bool(self.endpoints)  # then it only passes on

    def learn(self, cost: float) -> None:
        """Take the cost of one more piece of work into the average."""
        self.samples += 1
        self.cost += (cost - self.cost) * max(_NEWEST, 1 / self.samples)


class Lane(msgspec.Struct, eq=False):
    """One shard of a node.

    Attributes:
        node: The node.
        shard: Which of its shards.
        pods: The pods that do the work.
        queue: The work that waits for one of them.
        suspects: Work that waits for a pod of its own, because a process died of it or of what it had beside it.
        cell: The pod that gets nothing until it has nothing, for one of these.
    """

    node: Node
    shard: int
    pods: list[Pod] = []
    queue: FairQueue[Job] = msgspec.field(default_factory=FairQueue)
    suspects: deque[Job] = msgspec.field(default_factory=deque)
    cell: Pod | None = None

    def free_pod(self) -> Pod | None:
        """Give the pod with the least work among those that take more."""
        best = None
        least = 0
        for pod in self.pods:
            load = len(pod.held)
            free = pod.present and load < pod.credit and not pod.alone and pod is not self.cell
            if free and (best is None or load < least):
                best, least = pod, load
        return best

    @property
    def failure(self) -> ErrorInfo | None:
        """Why nothing can be done here any more: all its pods are lost for good. None while there is hope."""
        cause = None
        for pod in self.pods:
            if pod.lost is None:
                return None
            cause = cause or pod.lost
        if cause is None or self.node.route.address:
            return cause
        return ErrorInfo(
            FlowFailed.code,
            f'no pod of {self.node.name} is left: it kept dying and is not restarted any more. Last: {cause.message}',
            pod=cause.pod,
            failure=cause.failure,
        )


class Node(msgspec.Struct, eq=False):
    """A node of the graph.

    Attributes:
        route: What the Plan says of it.
        lanes: Its shards.
        followers: The nodes that wait for it.
        mates: The nodes of the same Deployment, itself among them.
        turn: Which shard is next.
        streams: What it gives is the answer, and nothing comes after it.
        lacking: Whether it has no method for an endpoint, where that was asked before.
    """

    route: Route
    lanes: list[Lane] = []
    followers: list[Node] = []
    mates: list[Node] = []
    turn: int = 0
    streams: bool = False
    lacking: dict[str, bool] = {}

    @classmethod
    def of(cls, route: Route) -> Node:
        """Make a node; an external Executor stands in it as one pod with the node's name."""
        node = cls(route)
        for number, names in enumerate(((route.name,),) if route.address else route.shards):
            lane = Lane(node, number)
            lane.pods = [Pod(name, lane) for name in names]
            node.lanes.append(lane)
        return node

    @property
    def name(self) -> str:
        """Its name."""
        return self.route.name

    def skips(self, request: Request) -> bool:
        """Say whether a request goes past it: its Deployment answers no such endpoint, or is not meant."""
        meant = request.target is None or not self.route.target or request.target.match(self.route.target)
        if not self.lanes or not meant:
            return True
        return all(mate.lacks(request.endpoint) for mate in self.mates)

    def lacks(self, endpoint: str) -> bool:
        """Say whether it is known to have no method for an endpoint."""
        lacking = self.lacking.get(endpoint)
        if lacking is None:
            if len(self.lacking) >= _MOST_ENDPOINTS:
                self.lacking.clear()
            known = [pod.endpoints for lane in self.lanes for pod in lane.pods if pod.endpoints]
            lacking = bool(known) and not any(endpoint in found or DEFAULT_ENDPOINT in found for found in known)
            self.lacking[endpoint] = lacking
        return lacking


class Caller(msgspec.Struct, eq=False):
    """A client with requests under way.

    Attributes:
        client: Who it is.
        open: Its requests that have no answer yet, by number.
        beside: How many are answered, but are still worked for beside the way.
    """

    client: Client
    open: dict[int, Request] = {}
    beside: int = 0


class Request(msgspec.Struct, eq=False):
    """A request under way.

    Attributes:
        caller: Who sent it.
        number: The client's number for it.
        endpoint: Where it goes.
        target: Which Executors are meant, or None if all are.
        answers: The parts of each node that has answered.
        deadline: When nobody waits for the answer any more; 0 if somebody always does.
        window: How many partial answers the client has asked for; 0 if it wants one answer.
        shards: The parts of nodes of which some shards have answered, by shard.
        asked: Which shards have answered, of nodes that are done.
        waiting: How many shards of a node have yet to answer, for nodes that have started.
        failed: Nodes beside the way to the answer that failed.
        jobs: The work that was made for it.
        answered: The client has its answer; what still runs is beside the way.
        over: No more work is to be done for it.
    """

    caller: Caller
    number: int
    endpoint: str
    target: re.Pattern[str] | None
    answers: dict[str, list[Part]]
    deadline: float = 0.0
    window: int = 0
    shards: dict[str, dict[int, list[Part]]] = {}
    asked: dict[str, tuple[int, ...]] = {}
    waiting: dict[str, int] = {}
    failed: set[str] = set()
    jobs: list[Job] = []
    answered: bool = False
    over: bool = False


class Job(msgspec.Struct, eq=False):
    """A piece of work: one node and shard of one request.

    Attributes:
        request: For which request.
        lane: By whom it is to be done.
        waiting: It is in the lane's queue.
        pod: Who has it, if somebody has.
        key: Its number there.
        slot: Where that pod marks that it has begun.
        parts: What it was given; kept until the pod has answered.
        streams: It answers with pieces, if it likes.
        delivered: At least one piece has gone to the client.
        times: How often it was given to a pod.
        deaths: Why the processes are gone that had begun it.
    """

    request: Request
    lane: Lane
    waiting: bool = False
    pod: Pod | None = None
    key: int = -1
    slot: int = 0
    parts: Sequence[Part] = ()
    streams: bool = False
    delivered: bool = False
    times: int = 0
    deaths: tuple[ErrorInfo, ...] = ()


def pattern(target: str) -> re.Pattern[str] | None:
    """Return the pattern of ``target_executor``, or None if it is empty.

    Raises:
        ValueError: It is no regular expression, or too long.
    """
    if not target:
        return None
    if len(target) > _LONGEST_TARGET:
        raise ValueError(f'target_executor is longer than {_LONGEST_TARGET} characters')
    try:
        return re.compile(target)
    except re.error as error:
        raise ValueError(f'target_executor={target!r} is no regular expression: {error}') from None
