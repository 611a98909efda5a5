"""Measure mproc_flow beside raw pyzmq, and beside Jina where there is one.

::

    python scripts/bench/compare.py --quick
    python scripts/bench/compare.py --jina ~/jina334/bin/python --rounds 5 --json figures.json

Figures mean something only side by side: the sides take turns, each measure in a fresh process, and medians over all
rounds are compared. Close other programs, or repeat. No figure makes this fail; a side of ours that breaks does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench import jobs, sides


def main(words: Sequence[str]) -> int:
    """Compare, print the table, and return the exit code."""
    parser = sides.parser(__doc__)
    parser.add_argument(
        '--only', default='', metavar='TEXT', help='only jobs with this in their name, e.g. "1 hop, post"'
    )
    arguments = parser.parse_args(words)
    chosen = [job for job in jobs.jobs(arguments.quick) if arguments.only in f'{job.label}, {job.name}']
    return sides.run(arguments, chosen, jobs.TARGETS)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
