"""YAML text -> plain data with the position of every key and value, and nothing a stranger's file could do harm with.

Values follow the core schema of YAML 1.2.2 (section 10.3.2): `NO` and `yes` are texts, `010` is ten, a date is a text.
Anchors, aliases and tags are refused: a job needs none, and they make small files explode (reliability 1.2).
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.reader import ReaderError

from detection.errors import DetectionError

Route = tuple[str | int, ...]
"""Keys and list positions from the top of the file to one entry."""
Position = tuple[int, int]
"""Line and column, both from 1, columns in characters."""

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_ENTRIES: Final = 2_000
"""The three limits are chosen: the full template stays far below each, see the test."""
WHOLE_FILE: Final = (0, 0)

DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)
NULL: Final = re.compile(r"~|null|Null|NULL|")
TRUE_FALSE: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
MAX_DIGITS: Final = 16
LARGEST: Final = 1e15
"""Numbers from here on are refused: floats would no longer tell neighbouring whole numbers apart (2^53 = 9e15)."""

WORDS: Final = (
    ("found character '\\t'", "a tab; indent with spaces only"),
    ("mapping values are not allowed", "a second `: ` in one entry; quote the text, or mend the indentation"),
    ("could not find expected ':'", "a line that is no `key: value`; is the colon, or a blank after it, missing?"),
    ("found unexpected end of stream", "a text whose closing quote is missing"),
    ("expected ',' or ']'", "a list opened with [ that is not closed with ], or a comma is missing in it"),
    ("expected ',' or '}'", "a block opened with { that is not closed with }, or a comma is missing in it"),
    ("expected the node content", "a value is missing here, or a bracket is not closed"),
    ("expected <block end>", "an entry that does not fit here; is its indentation that of its neighbours?"),
    ("escape", "an unknown escape in a text of double quotes; use single quotes"),
    ("that cannot start any token", "a character that cannot start a value; put the text in quotes"),
)
"""What the YAML library says (part of it) -> what it means to the writer."""
OPENINGS: Final = (
    "scanning a simple key",
    "scanning a quoted scalar",
    "parsing a flow sequence",
    "parsing a flow mapping",
)
"""Contexts whose beginning, not the point where the parser gave up, is where the mistake is."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a file."""

    line: int
    """From 1; 0 = the file as a whole."""
    column: int
    """From 1, in characters; 0 = the file as a whole."""
    text: str
    """`key.path: what was found, what was expected`, one line."""
    route: Route = field(default=(), compare=False)
    """The entry it is about."""


class ConfigError(DetectionError):
    """A config file cannot be used: all its mistakes, sorted by position. `str()` gives one line for each."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        super().__init__(file, tuple(sorted(problems)))
        self.file = file
        self.problems: tuple[Problem, ...] = self.args[1]

    def __str__(self) -> str:
        return "\n".join(
            f"{self.file}:{p.line}:{p.column}: {p.text}" if p.line else f"{self.file}: {p.text}" for p in self.problems
        )


@dataclass(frozen=True)
class Document:
    """What a file says."""

    file: Path
    """Where it was read."""
    data: dict[str, Any]
    """Plain dicts, lists, texts, numbers, booleans and None; of a repeated key the first value."""
    keys: dict[Route, Position]
    """Where each key (or list entry) starts."""
    values: dict[Route, Position]
    """Where each value starts."""
    problems: tuple[Problem, ...]
    """Mistakes that still left something to read: repeated keys, tags, numbers that are none."""


def read(file: Path) -> Document:
    """Read one YAML file.

    Raises ConfigError when it cannot be read, is larger than 256 kB, nested deeper than 20, longer than 2,000
    entries, not UTF-8, not YAML, empty, or not a block of keys.
    """
    return parse(_text(file), file)


def parse(text: str, file: Path) -> Document:
    """The same of a text; `file` is named in the errors."""
    tree = _Tree(file)
    if directive := DIRECTIVE.search(text):
        tree.stop(_position(text, directive.start()), "a directive (%); take the line out")
    try:
        tree.take(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        tree.stop(*_in_words(error))
    except ReaderError as error:
        tree.stop(_position(text, error.position), "a control character, not allowed in YAML; take it out")
    except (YAMLError, RecursionError, ValueError) as error:
        tree.stop(WHOLE_FILE, f"not readable as YAML ({type(error).__name__}); start again from `sachawatch init`")
    if not isinstance(tree.data, dict):
        found = "the file is empty" if tree.data is None else "a list or a single value at the top"
        where = tree.values.get((), WHOLE_FILE)
        tree.stop(where, f"{found}; `key: value` lines expected, see `sachawatch init`")
    return Document(file, tree.data, tree.keys, tree.values, tuple(tree.problems))


def _text(file: Path) -> str:
    """The decoded file; what is not a file, too large or not UTF-8 raises ConfigError."""

    def refuse(text: str, where: Position = WHOLE_FILE) -> NoReturn:
        raise ConfigError(file, [Problem(*where, text)])

    try:
        if file.exists() and not file.is_file():
            refuse("a folder or device, not a file; name the YAML file itself")
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        refuse("no such file; `sachawatch init` writes a first one")
    except (OSError, ValueError) as error:
        refuse(f"cannot be read ({getattr(error, 'strerror', None) or error})")
    if len(raw) > MAX_BYTES:
        refuse(f"larger than {MAX_BYTES // 1024} kB; a job's config is a few kB, is this the right file?")
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        refuse("not UTF-8 text; save the file as UTF-8", _position(before, len(before)))


def _position(text: str, offset: int) -> Position:
    """Line and column of a character."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _in_words(error: MarkedYAMLError) -> tuple[Position, str]:
    """Where a syntax error lies and what it means."""
    said = str(error.problem)
    words = next((w for key, w in WORDS if key in said), "not valid YAML here; check quotes, colons and indentation")
    opening = any(part in str(error.context) for part in OPENINGS)
    mark = error.context_mark if opening and error.context_mark else error.problem_mark
    return _start(mark) if mark else WHOLE_FILE, words


def _start(mark: StringMark) -> Position:
    return mark.line + 1, mark.column + 1


class _Tree:
    """Builds data and positions out of parser events, so that limits hold before anything is built."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.data: Any = None
        self.keys: dict[Route, Position] = {}
        self.values: dict[Route, Position] = {}
        self.problems: list[Problem] = []
        self.entries = 0

    def stop(self, where: Position, text: str) -> NoReturn:
        raise ConfigError(self.file, [*self.problems, Problem(*where, text)])

    def note(self, where: Position, route: Route, text: str) -> None:
        name = ".".join(map(str, route))
        self.problems.append(Problem(*where, f"{name}: {text}" if name else text, route))

    def take(self, stream: Iterator[events.Event]) -> None:
        documents = 0
        for event in stream:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.stop(_start(event.start_mark), "a second document (---) starts here; one job a file")
            elif isinstance(event, (events.ScalarEvent, events.AliasEvent, events.CollectionStartEvent)):
                self.data = self.node(event, stream, ())

    def node(self, event: events.Event, stream: Iterator[events.Event], route: Route) -> Any:
        where = _start(event.start_mark)
        if isinstance(event, events.ScalarEvent) and event.implicit[0] and not event.value:
            where = self.keys.get(route, where)  # the parser puts "nothing" at whatever follows, lines below
        self.values[route] = where
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            self.stop(where, f"more than {MAX_ENTRIES} entries; a job's config has a few dozen")
        if len(route) >= MAX_DEPTH:
            self.stop(where, f"nested deeper than {MAX_DEPTH} levels; a job's config has three")
        if isinstance(event, events.NodeEvent):
            self.refuse_extras(event, where, route)
        if isinstance(event, events.ScalarEvent):
            return self.scalar(event, where, route)
        if isinstance(event, events.MappingStartEvent):
            return self.mapping(stream, route)
        return None if isinstance(event, events.AliasEvent) else self.sequence(stream, route)

    def refuse_extras(self, event: events.NodeEvent, where: Position, route: Route) -> None:
        """Anchors, aliases and tags."""
        if isinstance(event, events.AliasEvent):
            self.note(where, route, f"an alias (*{event.anchor}); write the value out")
        elif event.anchor:
            self.note(where, route, f"an anchor (&{event.anchor}); take it off and write values out")
        if isinstance(event, (events.ScalarEvent, events.CollectionStartEvent)) and event.ctag:
            self.note(where, route, f"a tag ({event.ctag}); take it off, plain values are enough")

    def mapping(self, stream: Iterator[events.Event], route: Route) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for event in stream:
            if isinstance(event, events.MappingEndEvent):
                break
            where = _start(event.start_mark)
            key = self.key(event, where, route)
            if key in data:
                first = self.keys[*route, key]
                text = f"this key stands already in line {first[0]}, column {first[1]}; keep one of them"
                self.note(where, (*route, key), text)
                self.node(next(stream), stream, (*route, f"{key} (again)"))
            else:
                self.keys[*route, key] = where
                data[key] = self.node(next(stream), stream, (*route, key))
        return data

    def key(self, event: events.Event, where: Position, route: Route) -> str:
        if not isinstance(event, events.ScalarEvent) or _unprintable(event.value) or "\n" in event.value:
            self.stop(where, "a key must be a word followed by a colon")
        self.refuse_extras(event, where, (*route, event.value))
        return str(event.value)

    def sequence(self, stream: Iterator[events.Event], route: Route) -> list[Any]:
        data: list[Any] = []
        for event in stream:
            if isinstance(event, events.SequenceEndEvent):
                break
            inner = (*route, len(data))
            self.keys[inner] = _start(event.start_mark)
            data.append(self.node(event, stream, inner))
        return data

    def scalar(self, event: events.ScalarEvent, where: Position, route: Route) -> str | float | bool | None:
        """The value of one scalar; a number out of reach or a text with control characters is noted."""
        value: str | float | bool | None = _plain(event.value) if event.implicit[0] else event.value
        if isinstance(value, str) and _unprintable(value):
            self.note(where, route, "a control character in the text; take it out")
            return None
        if isinstance(value, (int, float)) and not abs(value) < LARGEST:
            self.note(where, route, f"found {event.value[:40]}, expected a number below {LARGEST:.0e}")
            return None
        return value


def _plain(text: str) -> str | float | bool | None:
    """An unquoted scalar by the core schema (hexadecimal and octal left out: nothing here is written in them)."""
    if NULL.fullmatch(text):
        return None
    if TRUE_FALSE.fullmatch(text):
        return text.lower() == "true"
    if INTEGER.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    return math.inf if NOT_FINITE.fullmatch(text) else text


def _unprintable(text: str) -> bool:
    """Control characters, and halves of surrogate pairs, which escapes can smuggle in; no name or label holds them."""
    return any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) <= 0xDFFF for c in text)
