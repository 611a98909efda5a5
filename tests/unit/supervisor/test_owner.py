"""The owner's side of a Flow that was not started."""

from __future__ import annotations

import threading

from mproc_flow import Flow

BOUND = 10.0


def test_who_no_longer_listens_is_not_called_any_more() -> None:
    """Not even by a call that had begun: what it works on, the pipe of block() for one, may be gone."""
    supervision = Flow()._new_run().supervision
    begun, go, events = threading.Event(), threading.Event(), list[str]()

    def callback() -> None:
        begun.set()
        go.wait(BOUND)
        events.append('called')

    def unlisten() -> None:
        supervision.unlisten(callback)
        events.append('unlistened')

    supervision.listen(callback)
    calling = threading.Thread(target=supervision._call_listeners, args=(True,))
    calling.start()
    assert begun.wait(BOUND)
    leaving = threading.Thread(target=unlisten)
    leaving.start()
    leaving.join(0.1)
    go.set()
    for thread in (calling, leaving):
        thread.join(BOUND)
    assert events == ['called', 'unlistened']
