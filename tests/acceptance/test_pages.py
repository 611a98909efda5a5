"""What the pages of the documentation show is so."""

from __future__ import annotations

import re

import pytest

from mproc_flow.posting.options import PostOptions
from tests.support import pages
from tests.support.programs import ROOT, Programs

PAGES = [str(path.relative_to(ROOT)) for path in (ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md')))]


@pytest.mark.parametrize(
    ('name', 'lines'),
    [('docs/batching.md', 2), ('docs/requests.md', 7), ('docs/streaming.md', 5), ('docs/typed.md', 4)],
)
def test_examples_print_what_the_page_says(programs: Programs, name: str, lines: int) -> None:
    """All of them, as one program."""
    pages.run_as_one(programs, name, lines)


def test_every_option_of_post_is_on_its_page() -> None:
    """With its default, unless that comes from elsewhere."""
    table = pages.read('docs/requests.md').partition('## Options')[2].partition('\n## ')[0]
    rows = [row.split('|')[1:3] for row in table.splitlines() if row.startswith('| `')]
    shown = [(re.findall('`(.*?)`', names), re.findall('`(.*?)`', defaults)) for names, defaults in rows]
    assert {name for names, _ in shown for name in names} == {'parameters', *PostOptions.__struct_fields__}
    pairs = [zip(names, defaults, strict=True) for names, defaults in shown if defaults]
    told = [pair for row in pairs for pair in row]
    assert len(told) >= 10
    for name, default in told:
        assert name == 'parameters' or repr(getattr(PostOptions(), name)) == default, name


@pytest.mark.parametrize('name', PAGES)
def test_no_link_leads_nowhere(name: str) -> None:
    """To another page or file of the repository."""
    prose = re.sub(r'^```.*?^```', '', pages.read(name), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', prose):
        assert link.startswith('https://') or (ROOT / name).parent.joinpath(link).exists(), link
