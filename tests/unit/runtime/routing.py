"""A Router with its surroundings in plain Python: clients, pods with processes, and what the answers should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mproc_flow.errors import ErrorInfo
from mproc_flow.executor import DEFAULT_ENDPOINT
from mproc_flow.runtime.messages import PodLost
from mproc_flow.runtime.router import Router
from mproc_flow.runtime.sends import Send, ToClient, ToPod
from mproc_flow.topology.plan import GATEWAY, Route
from mproc_flow.transport.frames import Answer, Done, Hello, Part, Partial, Refusal, Submit, Withdrawn, Work

CLIENT = b'client'


@dataclass(frozen=True)
class Node:
    """A Deployment of a made-up Flow."""

    name: str
    needs: tuple[str, ...] = (GATEWAY,)
    replicas: int = 1
    endpoints: tuple[str, ...] = (DEFAULT_ENDPOINT,)
    retryable: tuple[str, ...] = ()
    retries: int = -1
    timeout: float = 0.0
    side: bool = False

    @property
    def pods(self) -> tuple[str, ...]:
        """Names of its pods."""
        return tuple(f'{self.name}/rep-{number}' for number in range(self.replicas))

    def tries_again(self, endpoint: str) -> bool:
        """True if work that was begun may be begun again; what it has no method for it passes on."""
        name = endpoint if endpoint in self.endpoints else DEFAULT_ENDPOINT
        return name in self.retryable or name not in self.endpoints

    def answers(self, endpoint: str) -> bool:
        """True if it does something about requests to this endpoint."""
        return endpoint in self.endpoints or DEFAULT_ENDPOINT in self.endpoints


def make_router(nodes: Sequence[Node], most: int = 1000) -> Router:
    """A Router for nodes, each of which comes after all it needs."""
    return Router([route(node) for node in nodes], leaves(nodes), most)


def route(node: Node) -> Route:
    """A node as the Router gets it."""
    return Route(
        node.name,
        node.needs,
        (node.pods,),
        target=node.name,
        side=node.side,
        retries=node.retries,
        timeout_send=node.timeout,
    )


def leaves(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Names of the nodes that no other needs."""
    needed = {name for node in nodes if not node.side for name in node.needs}
    return tuple(node.name for node in nodes if node.name not in needed and not node.side)


def work(node: str, parts: Iterable[Part]) -> Part:
    """What a pod of a node makes of its input: one part that tells where it has been."""
    return [f'{node}({" ".join(frame for part in parts for frame in part)})']


def model(nodes: Sequence[Node], endpoint: str, given: Part) -> list[str]:
    """The frames of the answer, as plain Python would compute them."""
    found: dict[str, list[str]] = {GATEWAY: list(given)}
    for node in nodes:
        merged = [frame for need in node.needs for frame in found[need]]
        found[node.name] = list(work(node.name, [merged])) if node.answers(endpoint) else merged
    return [frame for leaf in leaves(nodes) or (GATEWAY,) for frame in found[leaf]]


@dataclass
class Process:
    """A process of a pod, as it is seen on the gateway's socket."""

    node: Node
    pod: str
    generation: int = 0
    credit: int = 2
    held: list[ToPod] = field(default_factory=list)

    @property
    def peer(self) -> bytes:
        """Its routing id."""
        return f'{self.pod}#{self.generation}'.encode()

    @property
    def hello(self) -> Hello:
        """What it says first."""
        return Hello(self.pod, self.generation, self.node.endpoints, self.credit, self.node.retryable)

    def work_on(self, job: ToPod) -> Part:
        """Do a piece of work; what it has no method for it passes on."""
        assert isinstance(job.header, Work)
        if self.node.answers(job.header.endpoint):
            return work(self.node.name, job.parts)
        return [frame for part in job.parts for frame in part]


class Town:
    """A Router with one process for each pod, and what went where."""

    def __init__(self, *nodes: Node, credit: int = 2, said_hello: bool = True, most: int = 1000) -> None:
        self.nodes = nodes
        self.router = make_router(nodes, most=most)
        self.processes = {pod: Process(node, pod, credit=credit) for node in nodes for pod in node.pods}
        self.answers: dict[tuple[bytes, int], list[str]] = {}
        self.refusals: dict[tuple[bytes, int], ErrorInfo] = {}
        self.order: list[int] = []
        self.partials: dict[tuple[bytes, int], list[str]] = {}
        self.withdrawn: dict[str, list[int]] = {}
        self.now = 100.0
        if said_hello:
            for process in self.processes.values():
                self.take(self.router.hello(process.peer, process.hello, self.now))

    def take(self, sends: list[Send]) -> list[Send]:
        """Deliver what the Router sends."""
        for send in sends:
            if isinstance(send, ToClient):
                self._to_client(send)
            elif isinstance(send.header, Work):
                process = next(process for process in self.processes.values() if process.peer == send.peer)
                process.held.append(send)
            elif isinstance(send.header, Withdrawn):
                process = next(process for process in self.processes.values() if process.peer == send.peer)
                self.withdrawn.setdefault(process.pod, []).extend(send.header.keys)
        return sends

    def _to_client(self, send: ToClient) -> None:
        end = (send.client, send.header.request)
        assert end not in self.answers, 'two answers'
        assert end not in self.refusals, 'two answers'
        if isinstance(send.header, Partial):
            self.partials.setdefault(end, []).extend(frame for part in send.parts for frame in part)
            return
        self.order.append(send.header.request)
        if isinstance(send.header, Refusal):
            self.refusals[end] = send.header.info
        else:
            assert isinstance(send.header, Answer)
            self.answers[end] = [frame for part in send.parts for frame in part]

    def submit(
        self, *numbers: int, endpoint: str = '/', client: bytes = CLIENT, timeout: float = 0.0, window: int = 0
    ) -> None:
        """Requests arrive, each with its number as the payload."""
        for number in numbers:
            header = Submit(number, endpoint, '', self.now + timeout if timeout else 0.0, window)
            self.take(self.router.submit(client, header, [[f'in{number}']], self.now))

    def cancel(self, *numbers: int, client: bytes = CLIENT) -> None:
        """A client does not wait any more."""
        self.take(self.router.cancel(client, numbers))

    def pass_time(self, seconds: float) -> None:
        """Time passes, and the gateway's timer goes off when it should."""
        end = self.now + seconds
        while (when := self.router.next_deadline) is not None and when <= end:
            self.now = max(self.now, when)
            self.take(self.router.expire(self.now))
        self.now = end

    def hello(self, pod: str, generation: int | None = None) -> None:
        """A pod (of a new generation) takes work."""
        process = self.processes[pod]
        if generation is not None:
            process = self.processes[pod] = Process(process.node, pod, generation, process.credit)
        self.take(self.router.hello(process.peer, process.hello, self.now))

    def finish(self, pod: str, position: int = 0, cost: float = 0.0) -> None:
        """A pod finishes a piece of the work it holds."""
        process = self.processes[pod]
        job = process.held.pop(position)
        assert isinstance(job.header, Work)
        done = Done(job.header.key, process.credit, cost)
        self.take(self.router.done(process.peer, done, [process.work_on(job)], self.now))

    def fail(self, pod: str, info: ErrorInfo) -> None:
        """A piece of a pod's work raises."""
        process = self.processes[pod]
        job = process.held.pop(0)
        assert isinstance(job.header, Work)
        self.take(self.router.failed(process.peer, job.header.key, info, self.now))

    def lose(self, pod: str, begun: int | None = None, final: bool = False) -> None:
        """A pod's process is gone; it had begun so many pieces of its work, or all."""
        process = self.processes[pod]
        keys = [job.header.key for job in process.held if isinstance(job.header, Work)]
        process.held.clear()
        info = ErrorInfo('pod_died', f'{pod} is gone', pod=pod)
        loss = PodLost(pod, process.generation, info, final)
        self.take(self.router.lost(loss, frozenset(keys[:begun]), self.now))

    def key(self, pod: str, position: int = 0) -> int:
        """The key of a piece of the work that a pod has."""
        return self.work_of(pod)[position].key

    def work_of(self, pod: str) -> list[Work]:
        """The headers of the work that a pod has."""
        return [job.header for job in self.processes[pod].held if isinstance(job.header, Work)]

    def held(self, pod: str) -> list[str]:
        """Payloads of the work that a pod has."""
        return [' '.join(frame for part in job.parts for frame in part) for job in self.processes[pod].held]

    def answer(self, number: int, client: bytes = CLIENT) -> list[str]:
        """The answer to a request."""
        return self.answers[client, number]

    def code(self, number: int, client: bytes = CLIENT) -> str:
        """The code of the error with which a request ended."""
        return self.refusals[client, number].code

    @property
    def ended(self) -> list[int]:
        """Numbers of the requests that have ended, in order."""
        return sorted(self.order)
