"""Errors: who hears of them, and how."""

from jina import Document, Executor, Flow, requests
from jina.excepts import BadClient, BadServer, FlowBuildLevelError, FlowTopologyError, RuntimeFailToStart


class Picky(Executor):
    @requests
    def check(self, docs, **kwargs):
        for doc in docs:
            if doc.text == 'bad':
                raise ValueError(f'{doc.text} is refused')
            doc.text = 'fine'


class Broken(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        raise RuntimeError('no model')

    @requests
    def work(self, **kwargs):
        pass


def failed(resp):
    exception = resp.header.status.exception
    print('error', resp.header.status.code, exception.name, list(exception.args), exception.executor, len(resp.docs))


def callback_raises(resp):
    raise KeyError('mine')


WORDS = ['good', 'bad', 'good']

if __name__ == '__main__':
    f = Flow().add(name='picky', uses=Picky)
    with f:
        try:
            f.post('/', Document(text='bad'))
        except BadServer as error:
            print('BadServer', 'bad is refused' in str(error))
        f.post('/', Document(text='bad'), on_error=failed)
        f.post('/', Document(text='bad'), on_done=print, on_error=failed, on_always=lambda resp: print('always'))
        docs = f.post('/', [Document(text=word) for word in WORDS], request_size=1, continue_on_error=True)
        print([doc.text for doc in docs].count('fine'))
        try:
            f.post('/', Document(), on_done=callback_raises)
        except BadClient as error:
            print(type(error).__name__)
        f.post('/', Document(), on_done=callback_raises, continue_on_error=True)
        try:
            f.start()
        except FlowBuildLevelError:
            print('runs already')
    try:
        f.post('/', Document())
    except ConnectionError:
        print('closed')
    try:
        f.block()
    except FlowBuildLevelError:
        print('does not run')
    try:
        f.add(name='again', needs='again')
    except FlowTopologyError:
        print('needs itself')
    try:
        with Flow().add(uses=Broken):
            print('not reached')
    except RuntimeFailToStart:
        print('did not start')
    try:
        with f:
            raise ZeroDivisionError
    except ZeroDivisionError:
        print('passed on')
