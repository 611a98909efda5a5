"""Which blocks are on the way, and who is told when they are not any more."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from mproc_flow.runtime.ledger import Ledger, Owner
from mproc_flow.transport.arena import Arena
from mproc_flow.transport.frames import Part, Ref
from mproc_flow.transport.sharing import Sharing
from tests.unit.transport import memory
from tests.unit.transport.memory import KB, sent, values

A, B = '0123456789abcdef-1', '0123456789abcdef-2'
POD = Owner(True, b'a/rep-0#0')
CLIENT = Owner(False, b'm1')


@pytest.fixture
def directory() -> Iterator[str]:
    with memory.open_directory() as made:
        yield made


@pytest.fixture
def ledger(directory: str) -> Iterator[Ledger]:
    gc.collect()
    gc.disable()  # no cycle may keep a reference
    yield Ledger(directory)
    gc.enable()


def part(*names: str) -> Part:
    return [b'body', *(Ref(name, 0, 10) for name in names)]


def free(ledger: Ledger) -> dict[Owner, tuple[str, ...]]:
    return {owner: tuple(sorted(said.blocks)) for owner, said in ledger.settle()}


def test_a_block_is_free_when_the_last_reference_is_gone(ledger: Ledger) -> None:
    first, second = part(A), part(A)
    ledger.note(POD, [first])
    ledger.note(POD, [second])
    del first
    assert free(ledger) == {}
    kept = list(second)
    del second
    assert free(ledger) == {}
    kept.clear()
    assert ledger.has_news
    assert free(ledger) == {POD: (A,)}
    assert not ledger.has_news


def test_who_mentioned_it_first_is_its_owner(ledger: Ledger) -> None:
    request, answer = part(A), part(A)
    ledger.note(CLIENT, [request])
    ledger.note(POD, [answer])
    del request, answer
    assert free(ledger) == {CLIENT: (A,)}


def test_each_owner_hears_of_its_own_blocks_at_once(ledger: Ledger) -> None:
    parts = [part(A, A), part(B)]
    ledger.note(POD, parts)
    parts.clear()
    assert free(ledger) == {POD: (A, B)}


def test_a_reference_that_comes_again_before_it_was_told_keeps_the_block(ledger: Ledger) -> None:
    first = part(A)
    ledger.note(POD, [first])
    del first
    second = part(A)
    ledger.note(POD, [second])
    assert free(ledger) == {}
    del second
    assert free(ledger) == {POD: (A,)}


def test_parts_without_references_are_nothing(ledger: Ledger) -> None:
    ledger.sweep()
    ledger.note(Owner(False, b'\0tcp'), [[b'body'], [b'body', b'frame']])
    assert not ledger.is_stale
    assert free(ledger) == {}


def test_what_a_client_was_sent_stays_until_it_has_taken_it(ledger: Ledger) -> None:
    first, second = part(A), part(B)
    for answer in (first, second):
        ledger.note(POD, [answer])
        ledger.sent(b'm1', 7, [answer])
    del first, second, answer
    assert free(ledger) == {}
    ledger.taken(b'm1', 6)
    ledger.taken(b'm2', 7)
    assert free(ledger) == {}
    ledger.taken(b'm1', 7)
    assert free(ledger) == {POD: (A,)}
    ledger.taken(b'm1', 7)
    assert free(ledger) == {POD: (B,)}
    ledger.taken(b'm1', 7)
    assert not list(ledger.clients)


@pytest.mark.parametrize('how', ['cancelled', 'gone'])
def test_what_a_client_does_not_want_is_free(ledger: Ledger, how: str) -> None:
    answer = part(A)
    ledger.note(POD, [answer])
    ledger.sent(b'm1', 7, [answer])
    del answer
    assert list(ledger.clients) == [b'm1']
    if how == 'cancelled':
        ledger.cancelled(b'm1', (6, 7))
    else:
        ledger.gone(b'm1')
    assert free(ledger) == {POD: (A,)}
    assert not list(ledger.clients)


@pytest.mark.parametrize('name', ['', '../secret', A + '/x', 'a' * 1000])
def test_names_that_are_none_are_refused(ledger: Ledger, name: str) -> None:
    with pytest.raises(ValueError, match='name is none'):
        ledger.note(POD, [part(A), part(name)])
    assert free(ledger) == {POD: (A,)}


def test_clients_from_elsewhere_send_no_references(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match='shares no memory'):
        ledger.note(Owner(False, b'\0\1\2\3\4'), [part(A)])
    assert free(ledger) == {}


def test_who_cannot_read_blocks_gets_what_is_in_them(ledger: Ledger, directory: str) -> None:
    sharing = Sharing(directory, 64 * KB)
    there = sent(sharing, values(100 * KB))
    plain, other = ledger.plain([there, [b'body']])
    assert [bytes(frame) for frame in plain] == [b'body', bytes(values(100 * KB))]
    assert other == [b'body']
    assert any(isinstance(frame, Ref) for frame in there)
    sharing.close()


def test_of_a_block_that_is_gone_only_the_frames_are_missing(ledger: Ledger) -> None:
    assert ledger.plain([part(A)]) == [[b'body']]


def test_blocks_whose_owner_is_gone_can_be_removed(ledger: Ledger, directory: str) -> None:
    arena = Arena(directory)
    block = arena.allocate(KB, b'me')
    assert block is not None
    ledger.discard([block.name, A])
    assert memory.files(directory) == []
    arena.close()


def test_what_dead_owners_left_goes_when_nothing_refers_to_it(ledger: Ledger, directory: str) -> None:
    living = Arena(directory)
    mine = living.allocate(KB, b'me')
    assert mine is not None
    pid = os.fork()
    if not pid:
        dying = Arena(directory)
        dying.allocate(KB, b'me')
        dying.allocate(KB, b'me')
        os._exit(0)
    os.waitpid(pid, 0)
    first, second = (name for name in memory.files(directory) if name != mine.name)
    held = part(first)
    ledger.note(POD, [held])
    ledger.sweep()
    assert second in memory.files(directory), 'what it sent last may still come'
    ledger.sweep()
    assert memory.files(directory) == sorted([mine.name, first])
    assert ledger.is_stale
    del held
    assert free(ledger) == {POD: (first,)}
    ledger.sweep()
    ledger.sweep()
    assert memory.files(directory) == [mine.name]
    assert memory.owners(directory) == [living.owner]
    assert not ledger.is_stale
    living.close()
