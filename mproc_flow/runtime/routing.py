"""What the Router keeps about pods, requests and pieces of work, and what it wants sent."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

import msgspec

from mproc_flow.errors import ErrorInfo, FlowFailed
from mproc_flow.model.schema import DEFAULT_ENDPOINT
from mproc_flow.topology.plan import Route
from mproc_flow.transport.frames import Answer, Farewell, Part, Pong, Refusal, Work

# A pattern is matched in the gateway, with names of Executors only.
_LONGEST_TARGET = 256

Client = bytes
Peer = bytes


class ToClient(msgspec.Struct, frozen=True):
    """Send this to a client."""

    client: Client
    header: Answer | Refusal | Pong
    parts: Sequence[Part] = ()

    @classmethod
    def refusing(cls, client: Client, number: int, info: ErrorInfo) -> ToClient:
        """End a client's request with an error."""
        return cls(client, Refusal(number, info))


class ToPod(msgspec.Struct, frozen=True):
    """Send this to a pod, or to an external Executor: then ``peer`` is the name of its node."""

    peer: Peer
    header: Work | Farewell
    parts: Sequence[Part] = ()


Send = ToClient | ToPod


class Pod(msgspec.Struct, eq=False):
    """A pod as the Router knows it: ``held`` are the keys of its work, ``gone`` is its last generation that died."""

    name: str
    lane: Lane
    peer: Peer = b''
    generation: int = -1
    gone: int = -1
    credit: int = 0
    endpoints: frozenset[str] = frozenset()
    present: bool = False
    lost: ErrorInfo | None = None
    held: set[int] = msgspec.field(default_factory=set)


class Lane(msgspec.Struct, eq=False):
    """One shard of a node: its pods, and the work that waits for one of them."""

    node: Node
    shard: int
    pods: list[Pod] = msgspec.field(default_factory=list)
    queue: deque[Job] = msgspec.field(default_factory=deque)

    def free_pod(self) -> Pod | None:
        """Give the pod with the least work among those that take more."""
        best = None
        for pod in self.pods:
            free = pod.present and len(pod.held) < pod.credit
            if free and (best is None or len(pod.held) < len(best.held)):
                best = pod
        return best

    @property
    def failure(self) -> ErrorInfo | None:
        """Why nothing can be done here any more: all its pods are lost for good. None while there is hope."""
        losses = [pod.lost for pod in self.pods if pod.lost is not None]
        if len(losses) < len(self.pods):
            return None
        cause = losses[0]
        if self.node.route.address:
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
    """

    route: Route
    lanes: list[Lane] = msgspec.field(default_factory=list)
    followers: list[Node] = msgspec.field(default_factory=list)
    mates: list[Node] = msgspec.field(default_factory=list)
    turn: int = 0

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
        return not self.lanes or not meant or all(mate.lacks(request.endpoint) for mate in self.mates)

    def lacks(self, endpoint: str) -> bool:
        """Say whether it is known to have no method for an endpoint."""
        known = [pod.endpoints for lane in self.lanes for pod in lane.pods if pod.endpoints]
        return bool(known) and not any(endpoint in found or DEFAULT_ENDPOINT in found for found in known)


class Request(msgspec.Struct, eq=False):
    """A request under way.

    Attributes:
        client: Who sent it.
        number: The client's number for it.
        endpoint: Where it goes.
        target: Which Executors are meant, or None if all are.
        answers: The parts of each node that has answered.
        shards: The parts of nodes of which some shards have answered, by shard.
        asked: Which shards have answered, of nodes that are done.
        waiting: How many shards of a node have yet to answer, for nodes that have started.
        failed: Nodes beside the way to the answer that failed.
        answered: The client has its answer; what still runs is beside the way.
        over: No more work is to be done for it.
    """

    client: Client
    number: int
    endpoint: str
    target: re.Pattern[str] | None
    answers: dict[str, list[Part]]
    shards: dict[str, dict[int, list[Part]]] = {}
    asked: dict[str, tuple[int, ...]] = {}
    waiting: dict[str, int] = {}
    failed: set[str] = set()
    answered: bool = False
    over: bool = False


class Job(msgspec.Struct, eq=False):
    """A piece of work: one node and shard of one request, waiting or given to a pod."""

    request: Request
    lane: Lane
    pod: Pod | None = None


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
