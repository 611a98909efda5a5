"""DocumentArrays as lists of dicts, JSON, bytes and files."""

import io
import json

import numpy as np
import pytest

from mproc_flow.errors import SerializationError
from mproc_flow.model.array import DocumentArray
from mproc_flow.model.document import Document
from tests.unit.model.samples import full


def some():
    tags = {'k': 'v', 'n': [1, {'x': None}], 'f': 0.5}
    one = Document(id='a', text='line\nbreak, "quote"', blob=b'\x00\xff', tags=tags)
    return DocumentArray([one, Document(id='b', tensor=[[1.5, 2]], embedding=np.arange(3), uri='ü'), full()])


def same(found, docs):
    assert type(found) is DocumentArray
    assert found == docs


def test_lists_and_json():
    docs = some()
    for values in (docs.to_list(), docs.to_dict()):
        assert values == [doc.to_dict() for doc in docs]
        same(DocumentArray.from_list(values), docs)
        same(DocumentArray.from_dict(values), docs)
    assert json.loads(docs.to_json()) == docs.to_list()
    same(DocumentArray.from_json(docs.to_json()), docs)
    same(DocumentArray.from_json('[]'), [])


def test_an_item_that_is_no_document_is_named():
    with pytest.raises(TypeError, match=r"item 1: Document has no field 'txt'; did you mean 'text'"):
        DocumentArray.from_json('[{}, {"txt": 1}]')
    with pytest.raises(ValueError, match='item 0: field blob'):
        DocumentArray.from_list([{'blob': '!'}])


def test_bytes_keep_everything():
    docs = some()
    docs[0].tensor, docs[0].tags['array'] = np.zeros((100, 100), 'f2'), np.array([1 + 2j])
    docs[2].chunks[0].blob = b'z' * 100_000
    same(DocumentArray.from_bytes(docs.to_bytes()), docs)
    same(DocumentArray.from_base64(docs.to_base64()), docs)
    same(DocumentArray.from_bytes(DocumentArray().to_bytes()), [])


def test_bytes_that_are_something_else():
    data = some().to_bytes()
    for wrong in (b'', b'\x80\x04', data[1:], b'x' + data):
        with pytest.raises(SerializationError, match='hold no Documents'):
            DocumentArray.from_bytes(wrong)
    for end in range(13, len(data)):
        with pytest.raises(SerializationError):
            DocumentArray.from_bytes(data[:end])
    with pytest.raises(SerializationError):
        DocumentArray.from_bytes(data + b'\xff')


@pytest.mark.parametrize(
    ('name', 'form'), [('x.json', 'json'), ('x.jsonl', 'jsonl'), ('x.csv', 'csv'), ('x.bin', 'binary'), ('x', 'binary')]
)
def test_files(tmp_path, name, form):
    docs = some()
    path = tmp_path / name
    docs.save(path)
    if form == 'csv':  # gives tags back as text
        docs[0].tags, docs[2].tags = {'k': 'v', 'n': '[1, {"x": null}]', 'f': '0.5'}, {'k': '[1]'}
    same(DocumentArray.load(path), docs)
    same(DocumentArray.load(str(path), form), docs)
    with open(path, 'rb') if form == 'binary' else open(path, encoding='utf-8', newline='') as file:
        same(DocumentArray.load(file, form), docs)


@pytest.mark.parametrize('form', ['json', 'jsonl', 'csv', 'binary'])
def test_open_files(form):
    file = io.BytesIO() if form == 'binary' else io.StringIO()
    docs = DocumentArray([Document(text='a'), Document(text='ü', weight=1.5)])
    docs.save(file, form)
    file.seek(0)
    same(DocumentArray.load(file, form), docs)
    assert not file.closed


def test_lines_of_json_are_lines(tmp_path):
    some().save(tmp_path / 'x.jsonl')
    lines = (tmp_path / 'x.jsonl').read_text().splitlines()
    assert [json.loads(line)['id'] for line in lines] == ['a', 'b', 'full']


def test_columns_of_csv(tmp_path):
    docs = DocumentArray([Document(id='a', tags={'k': 1}), Document(id='b', text='t', tags={'x': 'y'})])
    docs.save(tmp_path / 'x.csv')
    assert (tmp_path / 'x.csv').read_text().splitlines() == ['id,text,tag__k,tag__x', 'a,,1,', 'b,t,,y']


def test_files_of_other_encodings_and_forms(tmp_path):
    DocumentArray(Document(id='a', text='ä')).save(tmp_path / 'x.json', encoding='latin-1')
    assert DocumentArray.load(tmp_path / 'x.json', encoding='latin-1')[0].text == 'ä'
    for call in (DocumentArray().save, DocumentArray.load):
        with pytest.raises(ValueError, match='file_format is one of json, jsonl, csv, binary'):
            call(tmp_path / 'x', 'pickle')
    with pytest.raises(SerializationError):
        DocumentArray.load(tmp_path / 'x.json', 'binary')
    (tmp_path / 'x.jsonl').write_text('{}\n{"text": 1')
    with pytest.raises(ValueError, match=r'x.jsonl, line 2: '):
        DocumentArray.load(tmp_path / 'x.jsonl')


@pytest.mark.parametrize('form', ['binary', 'json', 'csv'])
def test_files_of_a_format_by_name_of_the_method(tmp_path, form):
    docs = DocumentArray([Document(text='a', weight=1.5)])
    getattr(docs, f'save_{form}')(tmp_path / 'x')
    same(getattr(DocumentArray, f'load_{form}')(tmp_path / 'x'), docs)
    same(DocumentArray.load(tmp_path / 'x', form), docs)


def test_bytes_of_one_document():
    doc = full()
    assert Document.from_bytes(doc.to_bytes()) == Document.from_base64(doc.to_base64()) == doc
    with pytest.raises(SerializationError, match='hold 2 Documents, not one'):
        Document.from_bytes(DocumentArray.empty(2).to_bytes())
    with pytest.raises(SerializationError, match='hold no Documents'):
        Document.from_bytes(b'')


@pytest.mark.parametrize(
    ('name', 'content', 'kind', 'message'),
    [
        ('x.json', b'{', ValueError, 'Expecting property name'),
        ('x.json', b'{}', ValueError, 'a list of Documents is needed, not a JSON dict'),
        ('x.json', b'[1]', ValueError, 'item 0: a dict of fields is needed'),
        ('x.json', b'\xff', ValueError, "can't decode"),
        ('x.jsonl', b'{"txt": 1}\n{', ValueError, 'line 2: '),
        ('x.bin', b'junk', SerializationError, 'hold no Documents'),
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path, name, content, kind, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(kind) as caught:
        DocumentArray.load(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    with path.open('rb' if name == 'x.bin' else 'r') as file, pytest.raises(kind, match=f'{name}.*: '):
        DocumentArray.load(file, file_format=name.partition('.')[2].replace('bin', 'binary'))
