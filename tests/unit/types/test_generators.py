"""Generators of Documents, and the DocumentArrays made of them."""

import io
import random

import numpy as np
import pytest

from mproc_flow.model.array import DocumentArray
from mproc_flow.types.document import Document, DocumentArray as SameArray, NamedScore
from mproc_flow.types.document.generators import from_csv, from_files, from_lines, from_ndarray, from_ndjson


def test_the_names_of_jina_are_ours():
    assert SameArray is DocumentArray
    assert Document(scores={'a': 1}).scores['a'] == NamedScore(1.0)


# ---- arrays ----


def test_rows_of_an_array():
    array = np.random.default_rng(1).random([5, 4])
    docs = list(from_ndarray(array))
    assert [type(doc) for doc in docs] == [Document] * 5
    assert np.array_equal([doc.tensor for doc in docs], array)
    assert np.shares_memory(docs[0].tensor, array)
    assert len(list(from_ndarray(array, size=2))) == 2
    assert np.array_equal(DocumentArray.from_ndarray(array, size=3).tensors, array[:3])
    assert [doc.tensor.shape for doc in from_ndarray(np.zeros(2))] == [(), ()]


@pytest.mark.parametrize('axis', [1, -1, 2])
def test_the_axis_acts(axis):
    array = np.arange(24).reshape(2, 3, 4)
    docs = list(from_ndarray(array, axis=axis))
    assert len(docs) == array.shape[axis]
    assert all(np.array_equal(doc.tensor, array.take(at, axis)) for at, doc in enumerate(docs))


def test_rows_in_random_order():
    array = np.arange(20)
    np.random.seed(1)
    found = [int(doc.tensor) for doc in from_ndarray(array, shuffle=True, size=15)]
    np.random.seed(1)
    assert found == [int(doc.tensor) for doc in from_ndarray(array, shuffle=True)][:15]
    assert found != list(range(15))
    assert array.tolist() == list(range(20))


def test_arrays_of_text():
    assert DocumentArray.from_ndarray(np.array(['a', 'bc'])).texts == ['a', 'bc']
    assert DocumentArray.from_ndarray(np.array([b'a'])).blobs == [b'a']


def test_arrays_that_cannot_be_cut():
    with pytest.raises(ValueError, match='at least one axis'):
        from_ndarray(5)
    with pytest.raises(ValueError, match='axis'):
        from_ndarray(np.zeros(3), axis=1)


# ---- files ----


@pytest.fixture
def folder(tmp_path):
    for name in ('b.txt', 'a.txt', 'c.png', 'sub/d.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(f'täxt of {name}\r\n'.encode())
    return tmp_path


def names(folder, docs):
    return ' '.join(doc.uri.removeprefix(f'{folder}/') for doc in docs)


def test_names_of_files(folder):
    assert names(folder, from_files(f'{folder}/*.txt')) == 'a.txt b.txt'
    assert names(folder, from_files(f'{folder}/**')) == 'a.txt b.txt c.png sub/d.txt'
    assert names(folder, from_files(f'{folder}/**', recursive=False)) == 'a.txt b.txt c.png'
    assert names(folder, from_files([folder / 'c.png', f'{folder}/*'])) == 'c.png a.txt b.txt'
    assert names(folder, from_files(f'{folder}/**', size=2, exclude_regex='.*a.txt')) == 'b.txt c.png'
    docs = DocumentArray.from_files(f'{folder}/c.*')
    assert docs[0] == Document(id=docs[0].id, uri=str(folder / 'c.png'), mime_type='image/png')
    assert list(from_files(f'{folder}/*.no')) == []


def test_content_of_files(folder):
    assert [doc.text for doc in from_files(f'{folder}/a*', read_mode='r')] == ['täxt of a.txt\n']
    (doc,) = from_files(f'{folder}/a*', read_mode='rb')
    assert (doc.blob, doc.text, doc.mime_type) == ('täxt of a.txt\r\n'.encode(), None, 'text/plain')


def test_some_of_the_files(folder):
    random.seed(3)
    assert len(list(from_files([f'{folder}/*'] * 9, sampling_rate=0.0))) == 0
    found = [names(folder, from_files(f'{folder}/**', sampling_rate=0.5)) for _ in range(20)]
    assert len(set(found)) > 5


def test_files_that_cannot_be_read(folder):
    (folder / 'bad.txt').write_bytes(b'\xff')
    with pytest.raises(ValueError, match=r'bad.txt is no UTF-8 text .*read_mode="rb"'):
        list(from_files(f'{folder}/*', read_mode='r'))
    with pytest.raises(FileNotFoundError, match=r'no file .*none.txt'):
        from_files(f'{folder}/none.txt')
    with pytest.raises(ValueError, match="read_mode is 'r'"):
        from_files('*', read_mode='w')


# ---- CSV ----

CSV = 'id,text,weight,colour,tag__size\nx,"a, ""b""",0.5,red,L\ny,"two\nlines",,,\n'


def check_csv(docs):
    first, second = docs
    assert first == Document(id='x', text='a, "b"', weight=0.5, tags={'colour': 'red', 'size': 'L'})
    assert second == Document(id='y', text='two\nlines')


def test_rows_of_csv(tmp_path):
    path = tmp_path / 'x.csv'
    path.write_text(CSV)
    check_csv(from_csv(path))
    check_csv(from_csv(str(path), dialect='auto'))
    check_csv(from_csv(io.StringIO(CSV)))
    check_csv(from_csv(CSV.splitlines(keepends=True)))
    check_csv(DocumentArray.from_csv(path))
    assert len(list(from_csv(path, size=1))) == 1
    assert list(from_csv(path, sampling_rate=0.0)) == []
    assert list(from_csv([])) == []


def test_columns_are_renamed_and_read():
    lines = ['name;vector;tags;n', 'a;[1, 2];"{""k"": 1}";3']
    (doc,) = from_csv(lines, {'name': 'text', 'vector': 'embedding'}, dialect='auto')
    assert (doc.text, doc.embedding.tolist(), doc.tags) == ('a', [1, 2], {'k': 1, 'n': '3'})


def test_files_of_another_encoding(tmp_path):
    (tmp_path / 'x.csv').write_bytes('text\nä'.encode('latin-1'))
    assert DocumentArray.from_csv(tmp_path / 'x.csv', encoding='latin-1').texts == ['ä']
    with pytest.raises(ValueError, match=r'x\.csv, after line 1: this is no utf-8 text .* open it with the encoding'):
        list(from_csv(tmp_path / 'x.csv'))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('text\na\nb,c\n', r'x.csv, line 3: there are more cells than the 1 columns of the header'),
        ('text,weight\na,1\nb,heavy\n', r"x.csv, line 3: column 'weight': could not convert"),
        ('text,tensor\na,[1\n', r"x.csv, line 2: column 'tensor': Expecting"),
        ('text,embedding\na,"[1, null]"\n', r'x.csv, line 2: field embedding'),
        ('text,blob\na,!\n', r'x.csv, line 2: field blob: bytes or base64'),
        ('text\n"a"b\n', r'x.csv, line 2: .*expected after'),
    ],
)
def test_wrong_rows_are_named(tmp_path, text, message):
    path = tmp_path / 'x.csv'
    path.write_text(text)
    found = from_csv(path)
    with pytest.raises(ValueError, match=message):
        list(found)


def test_rows_before_a_wrong_one_are_given():
    found = from_csv(['text\n', 'a\n', 'b,c\n'])
    assert next(found).text == 'a'
    with pytest.raises(ValueError, match='input, line 3'):
        next(found)


# ---- JSON ----


def test_lines_of_json(tmp_path):
    path = tmp_path / 'x.jsonl'
    path.write_text('{"text": "a", "n": 1, "tags": {"k": 2}}\n\n{"name": "b", "chunks": [{"text": "c"}]}\n')
    for source in (path, path.read_text().splitlines(), io.StringIO(path.read_text()), path.read_bytes().splitlines()):
        first, second = from_ndjson(source, {'name': 'text'})
        assert (first.text, first.tags) == ('a', {'k': 2, 'n': 1})
        assert (second.text, second.chunks.texts) == ('b', ['c'])
    assert len(DocumentArray.from_ndjson(path, size=1)) == 1
    with path.open() as file:
        assert len(DocumentArray.from_ndjson(file)) == 2


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{', r'x.jsonl, line 3: Expecting'),
        ('[1]', r'x.jsonl, line 3: a JSON object is needed, not list'),
        ('{"blob": "!"}', r'x.jsonl, line 3: field blob'),
        ('{"scores": {"a": "x"}}', r"x.jsonl, line 3: the score 'a'"),
        ('{"tags": 5, "k": 1}', r'x.jsonl, line 3: '),
        ('{"tensor": [[1], [2, 3]]}', r'x.jsonl, line 3: field tensor'),
    ],
)
def test_wrong_lines_are_named(tmp_path, line, message):
    path = tmp_path / 'x.jsonl'
    path.write_text('{}\n\n' + line)
    found = from_ndjson(path)
    assert next(found).text is None
    with pytest.raises(ValueError, match=message):
        next(found)


# ---- lines ----


def test_lines_of_each_format(tmp_path):
    assert [doc.text for doc in from_lines(['{"text": "a"}'])] == ['a']
    assert [doc.text for doc in from_lines(['text', 'a'], line_format='csv')] == ['a']
    assert DocumentArray.from_lines(['a b\n', '', 'c\r\n'], line_format='text').texts == ['a b', '', 'c']
    for name, text in (('x.csv', 'text\na'), ('x.ndjson', '{"text": "a"}'), ('x.txt', 'a\n'), ('x', 'a')):
        (tmp_path / name).write_text(text)
        (doc,) = from_lines(filepath=tmp_path / name)
        assert doc.text == 'a'
    assert [doc.blob for doc in from_lines(filepath=str(tmp_path / 'x.txt'), read_mode='rb')] == [b'a']
    assert len(list(from_lines(['a'] * 9, line_format='text', size=4))) == 4


def test_lines_are_read_no_further_than_needed():
    read = []

    def lines():
        for number in range(9):
            read.append(number)
            yield str(number)

    found = from_lines(lines(), line_format='text', size=2)
    assert read == []
    assert [doc.text for doc in found] == ['0', '1']
    assert read == [0, 1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({}, 'either lines or filepath'),
        ({'lines': [], 'filepath': 'x'}, 'either lines or filepath'),
        ({'lines': [], 'line_format': 'yaml'}, "line_format is json, csv or text, not 'yaml'"),
        ({'lines': [], 'read_mode': 'w'}, "read_mode is 'r' or 'rb'"),
    ],
)
def test_wrong_arguments_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        from_lines(**options)


def test_text_in_another_encoding_is_named(tmp_path):
    (tmp_path / 'x.txt').write_bytes(b'a\n\xff\n')
    with pytest.raises(ValueError, match=r'x.txt, after line \d: .*utf-8'):
        list(from_lines(filepath=tmp_path / 'x.txt'))


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    """Spreadsheets begin their files with one; it would make a first column of its own name."""
    (tmp_path / 'x.csv').write_text('text,n\na,1\n', encoding='utf-8-sig')
    (tmp_path / 'x.jsonl').write_text('{"text": "a"}\n', encoding='utf-8-sig')
    (tmp_path / 'x.txt').write_text('a\n', encoding='utf-8-sig')
    for path in tmp_path.iterdir():
        assert DocumentArray.from_lines(filepath=path).texts == ['a']
        with path.open(encoding='utf-8') as file:
            assert DocumentArray.from_lines(file, line_format=LINE_FORMATS[path.suffix]).texts == ['a']


LINE_FORMATS = {'.csv': 'csv', '.jsonl': 'json', '.txt': 'text'}


def test_a_column_that_is_there_twice_is_refused():
    """Only one of the two could be kept."""
    with pytest.raises(ValueError, match=r"input, line 1: column 'text' is there more than once"):
        list(from_csv(['text,n,text', 'a,1,b']))


def test_an_unknown_dialect_and_a_negative_size_are_refused_at_once():
    with pytest.raises(ValueError, match=r"from_csv\(dialect='semicolons'\): known are auto, .*excel-tab"):
        from_csv(['text'], dialect='semicolons')
    with pytest.raises(ValueError, match='size=-1: how many'):
        from_lines(['a'], line_format='text', size=-1)


def test_a_masked_array_is_not_cut():
    """The mask would be lost, and what it hides be sent."""
    with pytest.raises(TypeError, match=r'its mask would be lost: use filled\(\)'):
        from_ndarray(np.ma.array([1, 2], mask=[False, True]))
