"""What the example computes, without a Flow."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from docs.examples import passages
from mproc_flow import Document, DocumentArray

SOURCE = '''\
r"""Reading and writing of marvellous files in the old format.

A second paragraph of the same docstring
that goes over two lines.

>>> and then an example session which is not a passage at all
"""

# A comment of two lines that says why something is done here,
#   and goes on.
x = 1  # one at the end of a line is none


class Reader:
    def read(self):
        """Return the next record of the file, or nothing at all."""
        # too short
        # -----------------------------------------------

    async def close(self):
        """Close it."""
'''


def test_cut_gives_paragraphs_and_comments_with_their_place():
    assert passages.cut(SOURCE, 'marvel') == [
        (1, 'marvel', 'Reading and writing of marvellous files in the old format.'),
        (3, 'marvel', 'A second paragraph of the same docstring that goes over two lines.'),
        (9, 'marvel', 'A comment of two lines that says why something is done here, and goes on.'),
        (16, 'marvel.Reader.read', 'Return the next record of the file, or nothing at all.'),
    ]


def test_comment_quoted_in_a_docstring_is_found_once():
    source = 'def f():\n    """Do it.\n\n    # This is how one would write a comment about it\n    """\n'
    assert passages.cut(source, 'm') == [(4, 'm.f', 'This is how one would write a comment about it')]


def test_form_feed_does_not_shift_the_lines():
    assert passages.cut('x = 1\n\f\n# Here is a comment with more than seven words\n', 'm')[0].line == 3


def test_empty_module_has_no_passages():
    assert passages.cut('', 'm') == []


def test_words_are_taken_apart_and_question_words_dropped():
    assert passages.words_of('How do I use the GzipFile.read_all in Python3?') == [
        *('use', 'gzip', 'file', 'read', 'all', 'python3')
    ]


def test_places_are_the_same_in_every_process():
    row = passages.Vectoriser(4096)(['cat'])[0]
    assert row.nonzero()[0].tolist() == sorted(zlib.crc32(name) % 4096 for name in (b'<cat>', b'<cat', b'cat>'))


def test_word_counts_more_than_its_pieces_and_repetition_little():
    once, thrice = passages.Vectoriser(4096)(['compress', 'compress compress compress'])
    assert once.dtype == np.float32
    assert once.max() == 1
    assert np.allclose(thrice, once * (1 + np.log(3)))
    other = passages.Vectoriser(4096)(['compression'])[0]
    assert 0 < once @ other < once @ once


def test_no_texts_make_no_rows():
    assert passages.Vectoriser(16)([]).shape == (0, 16)


@pytest.fixture
def matrix():
    """A Matrix over three texts, labelled by their place."""
    made = passages.Matrix()
    vectorise = passages.Vectoriser()
    for number, text in enumerate(['compress the data', 'parse the data', 'copy the data']):
        made.add([(number, text)], vectorise([text]))
    return made


def test_rare_words_decide(matrix):
    [first, second] = matrix.search(passages.Vectoriser()(['how to parse data'])[0], 2)
    assert first[0] == (1, 'parse the data')
    assert first[1] == pytest.approx(1, abs=0.01)
    assert second[1] < 0.5


def test_equal_rows_come_in_the_order_of_their_labels(matrix):
    row = passages.Vectoriser()(['wait for a thread'])
    for label in ((9, 'c'), (7, 'a'), (8, 'b')):
        matrix.add([label], row)
    assert [label for label, _ in matrix.search(row[0], 2)] == [(7, 'a'), (8, 'b')]
    assert [label for label, _ in matrix.search(row[0], 100)] == [(7, 'a'), (8, 'b'), (9, 'c')]


def test_question_about_nothing_known_has_no_answer(matrix):
    assert matrix.search(passages.Vectoriser()(['zygote'])[0], 3) == []
    assert matrix.search(passages.Vectoriser()(['the'])[0], 3) == []
    assert passages.Matrix().search(passages.Vectoriser()(['data'])[0], 3) == []


def test_executors_by_hand_answer_a_question():
    cutter, embedder, index = passages.Cutter(), passages.Embedder(size=512), passages.Index()
    assert cutter('/index', docs=DocumentArray()) == DocumentArray()
    docs = cutter('/index', docs=DocumentArray(Document(text=SOURCE, uri='marvel.py', tags={'module': 'marvel'})))
    assert embedder('/index', docs=docs) is None
    assert index('/index', docs=docs)[0].tags == {'passages': 4}
    assert index('/index', docs=DocumentArray())[0].tags == {'passages': 0}

    questions = DocumentArray(Document(text='how do I get the next record'))
    embedder('/search', docs=questions)
    [hit] = index('/search', docs=questions, parameters={'limit': 1})
    assert hit.text == 'Return the next record of the file, or nothing at all.'
    assert hit.tags.pop('score') > 0.3
    assert hit.tags == {
        'question': 'how do I get the next record',
        'file': 'marvel.py',
        'line': 16,
        'name': 'marvel.Reader.read',
    }


def test_standard_library_is_read_in_order():
    docs = passages.read_modules()
    files = [doc.uri for doc in docs]
    assert files == sorted(files)
    assert {'argparse.py', 'gzip.py', 'json/__init__.py', 'posixpath.py'} <= set(files)
    assert docs[files.index('json/__init__.py')].tags == {'module': 'json'}


def test_hits_are_shown_under_their_questions(capsys):
    tags = {'score': 0.5, 'name': 'gzip.compress', 'file': 'gzip.py', 'line': 7}
    texts = [('q one', 'word ' * 100), ('q one', 'b'), ('q two', 'c')]
    passages.show(DocumentArray(Document(text=text, tags={**tags, 'question': question}) for question, text in texts))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and not line.startswith(' ')] == ['q one', 'q two']
    assert '  0.50  gzip.compress  (gzip.py:7)' in lines
    assert any(line.endswith(' ...') for line in lines)
    assert max(map(len, lines)) <= 100
