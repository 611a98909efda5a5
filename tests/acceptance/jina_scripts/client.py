"""A Flow that serves in a thread until an event, asked by Clients."""

import asyncio
import threading

from jina import Client, Document, Executor, Flow, requests
from jina.helper import random_port


class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs, **kwargs):
        for doc in docs:
            doc.text = doc.text.upper()


def serve(port, serving, stop):
    with Flow(port=port).add(uses=Upper) as f:
        serving.set()
        f.block(stop_event=stop)


async def ask(port):
    client = Client(port=port, asyncio=True)
    texts = []
    async for docs in client.post('/upper', [Document(text=text) for text in 'abcd'], request_size=2):
        texts += [doc.text for doc in docs]
    print(sorted(texts))


def inputs():
    for text in ('one', 'two'):
        yield Document(text=text)


if __name__ == '__main__':
    port = random_port()
    serving, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=serve, args=(port, serving, stop))
    thread.start()
    serving.wait()
    client = Client(port=port)
    print([doc.text for doc in client.post('/upper', inputs=inputs)])
    client.post('/upper', inputs, on_done=lambda resp: print('done', len(resp.docs)))
    asyncio.run(ask(port))
    stop.set()
    thread.join()
    print('stopped')
