"""Documents shown to people."""

import html.parser

import numpy as np
import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document


def printed(capsys, thing):
    assert thing.summary() is None
    return capsys.readouterr().out.splitlines()


def test_summary_of_documents_that_are_alike(capsys):
    docs = DocumentArray(Document(text=text, embedding=np.zeros(2)) for text in 'aab')
    assert printed(capsys, docs) == [
        'Type                  DocumentArray',
        'Length                3',
        'Homogenous Documents  yes',
        'Fields                id, text, embedding',
        '',
        'Field      Types    Set     Different',
        'id         str      3 of 3  3',
        'text       str      3 of 3  2',
        'embedding  ndarray  3 of 3',
    ]


def test_summary_of_documents_that_differ(capsys):
    docs = DocumentArray([Document(text='a'), Document(text='b'), Document(tensor=[1], chunks=[Document()])])
    lines = printed(capsys, docs)
    assert 'Homogenous Documents  no' in lines
    assert 'Nested Documents in   chunks' in lines
    assert '2 of them with        id, text' in lines
    assert '1 of them with        id, tensor, chunks' in lines
    assert 'chunks  ChunkArray  1 of 3' in lines


def test_summary_of_nothing(capsys):
    assert printed(capsys, DocumentArray())[1] == 'Length                0'


def test_summary_of_a_document_is_a_tree(capsys):
    inner = Document(id='c', text='x' * 1000, chunks=[Document(id='cc')])
    doc = Document(id='a', tags={'k': 1}, chunks=[inner, Document(id='d')], matches=[Document(id='m', scores={'s': 1})])
    lines = printed(capsys, doc)
    assert [line[:24] for line in lines] == [
        'Document a',
        "│ tags: {'k': 1}",
        '├─matches',
        '│ └─Document m',
        "│     scores: {'s': 1.0}",
        '│     adjacency: 1',
        '└─chunks',
        '  ├─Document c',
        "  │ │ text: 'xxxxxxxxxxx",
        "  │ │ parent_id: 'a'",
        '  │ │ granularity: 1',
        '  │ └─chunks',
        '  │   └─Document cc',
        "  │       parent_id: 'c'",
        '  │       granularity: 1',
        '  └─Document d',
        "      parent_id: 'a'",
        '      granularity: 1',
    ]
    assert max(map(len, lines)) < 90


class Cells(html.parser.HTMLParser):
    """The text of each cell, by row."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == 'tr':
            self.rows.append([])
        elif tag in ('td', 'th'):
            self.rows[-1].append('')

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ('td', 'th'):
            self.rows[-1][-1] += data


@pytest.mark.parametrize('evil', ['<script>alert(1)</script>', '"><b>', '&lt;'])
def test_html_of_a_document_is_escaped(evil):
    doc = Document(id='a', text=evil, tags={evil: evil}, tensor=np.zeros((2, 3)))
    text = doc._repr_html_()
    assert Cells(text).rows == [
        ['Document', ''],
        ['id', 'a'],
        ['text', repr(evil)],
        ['tensor', 'float64(2, 3)'],
        ['tags', repr({evil: evil})],
    ]
    assert '<script' not in text
    assert '<b>' not in text


def test_html_of_an_array_shows_the_first():
    docs = DocumentArray(Document(id=f'<{at}>', weight=at) for at in range(30))
    text = docs._repr_html_()
    assert Cells(text).rows == [['id', 'weight'], *([f'<{at}>', str(at)] for at in range(20))]
    assert '30 Documents' in text
    assert 'and 10 more' in text
    assert 'background' not in text  # that of the page, light or dark
    assert Cells(DocumentArray()._repr_html_()).rows == [[]]
