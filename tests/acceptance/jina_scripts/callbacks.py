"""Callbacks, parameters and responses."""

from jina import Document, DocumentArray, Executor, Flow, requests
from jina.types.request.data import Response


class Repeat(Executor):
    @requests(on='/repeat')
    def repeat(self, docs, parameters, **kwargs):
        for doc in docs:
            doc.text = parameters.get('glue', ' ').join([doc.text] * int(parameters['times']))

    @requests(on='/count')
    def count(self, docs, **kwargs):
        return {'documents': len(docs), 'letters': sum(len(doc.text) for doc in docs)}

    @requests(on='/double')
    def double(self, docs, **kwargs):
        return DocumentArray([Document(text=doc.text + mark) for doc in docs for mark in '?!'])

    @requests
    def other(self, docs, **kwargs):
        for doc in docs:
            doc.text = 'other'


def show(resp: Response):
    print('done', resp.header.exec_endpoint, resp.header.status.code, texts(resp.docs))


def documents(words):
    for word in words:
        yield Document(text=word)


def texts(docs):
    return [doc.text for doc in docs]


if __name__ == '__main__':
    with Flow().add(name='repeat', uses=Repeat) as f:
        print(f.post('/repeat', documents('ab'), on_done=show, parameters={'times': 2, 'glue': '-'}))
        print(f.post('/repeat', Document(text='x'), on_always=show, parameters={'repeat__times': 3}))
        print(texts(f.post('/repeat', Document(text='x'), on_error=show, parameters={'times': 1})))
        print(texts(f.post('/double', Document(text='x'))))
        print(texts(f.post('/unknown', Document(text='x'))), texts(f.post('', Document(text='x'))))
        (resp,) = f.post('/count', documents(['one', 'two', 'three']), return_responses=True)
        results = resp.parameters['__results__']
        print(list(results), sorted((key, int(value)) for key, value in results['repeat/rep-0'].items()))
        once = {'times': 1}
        resps = f.post('/repeat', documents('abcde'), request_size=2, parameters=once, return_responses=True)
        print(sorted(len(resp.docs) for resp in resps))
        print(len(f.index(None)), texts(f.search(lambda: documents('z'))))
        print(f.update(Document(), on_done=lambda resp: print('updated', len(resp.docs))))
        print(f.delete([Document(id='d1')])[0].id)
