"""The command ``client``: lines or files in, answers out as text or lines of JSON."""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import mimetypes
import sys
import textwrap
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mproc_flow.cli.commands import DONE, FAILED, PROGRAM, Run
from mproc_flow.cli.flags import add_dict, add_flags, given
from mproc_flow.errors import BadClientCallback, BadOption, MprocFlowError
from mproc_flow.options.groups import CLIENT

if TYPE_CHECKING:
    from mproc_flow.model.document import Document
    from mproc_flow.model.request import Response

_MARK = '\ufeff'  # with which some programs begin a text
_NOT_HERE = ('return_responses', 'asyncio')
_HOW = ('parameters', 'request_size', 'target_executor', 'timeout', 'max_attempts', 'show_progress')


def client(parser: argparse.ArgumentParser) -> Run:
    """Send Documents and print the answers as they come, in the order of what was sent."""
    add_flags(parser, CLIENT, _NOT_HERE)
    parser.add_argument('--on', default='/', metavar='ENDPOINT', help='Where they go (default: /).')
    _add_inputs(parser)
    add_dict(parser, '--parameters', 'Data for the Executors.')
    _add_how(parser)
    parser.add_argument(
        '--output',
        choices=('json', 'text'),
        default='json',
        help='What is printed of each Document: its fields as a line of JSON, or its text (default: json).',
    )
    parser.add_argument(
        '--continue-on-error',
        action='store_true',
        help='Say on stderr what failed and go on; the exit code is 1 then.',
    )

    def run(arguments: argparse.Namespace) -> int:
        from mproc_flow.client import Client

        printer = _Printer(arguments.output)
        on_error = printer.complain if arguments.continue_on_error else None
        options = {'results_in_order': True, 'stream': True} | {name: getattr(arguments, name) for name in _HOW}
        inputs = _inputs(arguments)
        try:
            with Client(**given(arguments, CLIENT, _NOT_HERE)) as sender, contextlib.closing(inputs):
                answers = sender.post(arguments.on, inputs, on_done=printer.show, on_error=on_error, **options)
                deque(answers, maxlen=0)  # only for what the callbacks do
        except BadClientCallback as error:
            raise _unprinted(error.__cause__) from None
        return FAILED if printer.failed else DONE

    return run


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    inputs = parser.add_mutually_exclusive_group()
    inputs.add_argument('--text', nargs='+', metavar='TEXT', help='Documents with these texts.')
    inputs.add_argument('--lines', metavar='FILE', help='A Document for each line of a file; - is standard input.')
    inputs.add_argument(
        '--input',
        metavar='FILE',
        help='Documents from a file, each a line of JSON: {"text": "..."}; - is standard input.',
    )
    inputs.add_argument(
        '--files',
        nargs='+',
        metavar='PATTERN',
        help='A Document for each file, with its path as uri and what is in it as text or, if it is none, as blob.',
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--request-size', type=int, default=100, metavar='N', help='Documents in one request (default: 100).'
    )
    parser.add_argument('--target-executor', metavar='REGEX', help='Only Executors whose names it matches are meant.')
    parser.add_argument('--timeout', type=float, metavar='S', help='Seconds for the whole call; without it, no limit.')
    parser.add_argument(
        '--max-attempts',
        type=int,
        default=1,
        metavar='N',
        help='How often a request is sent at most if its process dies or the Flow is overloaded (default: 1).',
    )
    parser.add_argument('--show-progress', action='store_true', help='Draw a progress bar on stderr.')


class _Printer:
    """Prints what comes back.

    Attributes:
        failed: A request failed.
    """

    def __init__(self, form: str) -> None:
        self._line = _as_json if form == 'json' else _as_text
        self.failed = False

    def show(self, response: Response) -> None:
        for doc in response.docs:
            print(self._line(doc), flush=True)

    def complain(self, response: Response) -> None:
        self.failed = True
        names = ', '.join(map(_called, response.docs[:5]))
        more = f' and {len(response.docs) - 5} more' if len(response.docs) > 5 else ''
        print(f'{PROGRAM}: {names}{more}: {response.header.status.description}', file=sys.stderr)


def _unprinted(error: BaseException | None) -> BaseException:
    """Give what is to be raised when an answer could not be printed."""
    if isinstance(error, BrokenPipeError) or error is None:
        return error or BrokenPipeError()
    if isinstance(error, UnicodeEncodeError):
        return MprocFlowError(
            f'standard output takes {error.encoding} only, an answer has {error.object[error.start]!r}: '
            'set PYTHONIOENCODING=utf-8'
        )
    return MprocFlowError(f'standard output: {getattr(error, "strerror", None) or error}')


def _called(doc: Document) -> str:
    """Give what tells a Document from others; the id of a line is one that nobody has ever seen."""
    return doc.uri or (f'{textwrap.shorten(doc.text, 60)!r} (id {doc.id})' if doc.text else doc.id)


def _as_json(doc: Document) -> str:
    set_fields = {name: value for name, value in doc.to_dict().items() if value not in (None, {})}
    return json.dumps(set_fields, ensure_ascii=False)


def _as_text(doc: Document) -> str:
    return doc.text or ''


def _inputs(arguments: argparse.Namespace) -> Generator[Any, None, None]:
    if arguments.text:
        yield from arguments.text
    elif arguments.lines is not None:
        yield from (line for _, line in _lines('--lines', arguments.lines))
    elif arguments.input is not None:
        yield from (_json(line, where) for where, line in _lines('--input', arguments.input) if line.strip())
    elif arguments.files:
        for pattern in arguments.files:
            yield from map(_file, _matching(pattern))


def _lines(flag: str, name: str) -> Iterator[tuple[str, str]]:
    """Give each line with the words for where it stands."""
    shown = '<stdin>' if name == '-' else name
    try:
        with _opened(flag, name) as file:
            for number, line in enumerate(file, 1):
                place = f'{shown}, line {number}'
                yield place, _text(line, f'{flag} {place}').removeprefix('' if number > 1 else _MARK)
    except OSError as error:
        raise BadOption(f'{flag} {name}: {error.strerror}') from None


def _opened(flag: str, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    if name != '-':
        return open(name, 'rb')
    if sys.stdin is None:
        raise BadOption(f'{flag} -: standard input is closed')
    return contextlib.nullcontext(sys.stdin.buffer)


def _text(line: bytes, where: str) -> str:
    try:
        return line.decode().rstrip('\r\n')
    except UnicodeDecodeError as error:
        raise BadOption(f'{where}: it is no UTF-8 text ({error.reason} at byte {error.start})') from None


def _json(line: str, where: str) -> Document | str:
    from mproc_flow.model.document import Document

    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadOption(f'{where}: not JSON: {error}') from None
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise BadOption(f'{where}: a Document is {{"text": "..."}} or a text, not {line}')
    try:
        return Document.from_dict(value)
    except (TypeError, ValueError) as error:
        raise BadOption(f'{where}: {error}') from None


def _matching(pattern: str) -> list[str]:
    found = sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
    if not found:
        raise BadOption(f'--files {pattern}: there is no such file')
    return found


def _file(name: str) -> dict[str, Any]:
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise BadOption(f'--files {name}: {error.strerror}') from None
    about = {'uri': name, 'mime_type': mimetypes.guess_type(name)[0]}
    try:
        return {**about, 'text': data.decode()}
    except UnicodeDecodeError:
        return {**about, 'blob': data}
