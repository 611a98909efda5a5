"""``python -m mproc_flow``: the same as the program ``mproc-flow``."""

from __future__ import annotations

import sys

from mproc_flow.cli.main import main

# Processes made by spawn import this module again, under another name.
if __name__ == '__main__':
    sys.exit(main())
