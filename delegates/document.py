"""YAML files from a user, read with line numbers and without surprises.

Covered: only `true` and `false` are booleans, integers and decimals stay exact, duplicate keys are refused,
and so are tags, anchors and aliases (a few hundred bytes of them can stand for gigabytes). A message never
holds anything that was in the file. Not covered: YAML that needs any of those.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import yaml

from bargaining.errors import InvalidInputError

LARGEST_BYTES = 1024 * 1024
_DEEPEST = 24
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,38})")
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place: TypeAlias = tuple[str | int | bool, ...]
"""Where something is in a document: keys and positions from the top."""


class _RefusedError(Exception):
    """Found something in the file that is not read."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and on which line."""

    name: str
    """The file's name for messages."""
    data: dict[Any, Any] = field(repr=False)
    """Mappings, lists, text, integers, booleans and None. A decimal number is the text that was written."""
    lines: Mapping[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that exists."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def at(self, place: Place) -> Any:
        """What stands at a place."""
        value: Any = self.data
        for part in place:
            value = value[part]
        return value

    def has(self, place: Place) -> bool:
        """Whether there is something at a place."""
        return place in self.lines


def read(file: Path, name: str | None = None) -> Document:
    """Read a file that holds one mapping.

    Args:
        file: The file.
        name: What messages call it; its path if not given.

    Raises:
        InvalidInputError: It cannot be read, or is not such a file.
    """
    name = name or str(file)
    with opened(file, name) as stream:
        return read_stream(stream, name)


def opened(file: Path, name: str) -> BinaryIO:
    """Open a file that holds one mapping. Nothing is read from it yet.

    Raises:
        InvalidInputError: It cannot be opened.
    """
    problem: str
    try:
        if file.is_dir():
            raise InvalidInputError(f"{name}: is a folder; give the YAML file itself")
        return file.open("rb")
    except FileNotFoundError:
        problem = (
            f"{name}: there is no such file; 'negbox scenario list' shows the shipped ones, and "
            "'negbox scenario new NAME' writes one to start from"
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a usable file name"
        problem = f"{name}: cannot be read: {reason}"
    raise InvalidInputError(problem)


def read_stream(stream: BinaryIO, name: str) -> Document:
    """Read a file that `opened` has opened.

    Raises:
        InvalidInputError: It cannot be read, or is not such a file.
    """
    return parse(_text(stream, name), name)


def parse(text: str, name: str) -> Document:
    """Read a text that is one mapping.

    Args:
        text: The text.
        name: What messages call it.

    Raises:
        InvalidInputError: It is not such a text.
    """
    reader = _Reader()
    problem: tuple[int, str] | None = None
    data: Any = None
    try:
        data = reader.read(text)
    except _RefusedError as error:
        problem = error.line, str(error)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (
            (mark.line + 1 if mark else 1),
            "not valid YAML here; check the indentation, quotes and colons",
        )
    except yaml.YAMLError:
        problem = 1, "holds a character that YAML does not allow, such as a control character"
    if problem is None and not isinstance(data, dict):
        problem = 1, "expected a mapping at the top level, with lines such as 'title: …'"
    if problem is not None:  # raised here, not above: the library's exception holds pieces of the file
        raise InvalidInputError(f"{name}:{problem[0]}: {problem[1]}")
    return Document(name, data, reader.lines)


def _text(stream: BinaryIO, name: str) -> str:
    problem: str
    try:
        data = stream.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise InvalidInputError(f"{name}: larger than 1 MiB; a scenario is a few pages of text")
        if not data.strip():
            raise InvalidInputError(
                f"{name}: the file is empty; 'negbox scenario new NAME' writes one to start from"
            )
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"{name}:{line}: not UTF-8 text; save the file as UTF-8"
    except OSError as error:
        problem = f"{name}: cannot be read: {error.strerror}"
    raise InvalidInputError(problem)


class _Reader:
    """Builds plain values from YAML events, one document per reader."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {(): 1}

    def read(self, text: str) -> Any:
        events = iter(yaml.parse(text, Loader=_PARSER))
        found: list[Any] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found:
                    raise _RefusedError(_line(event), "a second document; a file holds one")
                found.append(self._value(next(events), events, ()))
        return found[0] if found else None

    def _value(self, event: Any, events: Any, place: Place) -> Any:
        self.lines.setdefault(place, _line(event))
        _refuse_marks(event)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if len(place) >= _DEEPEST:
            raise _RefusedError(_line(event), f"nested deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, place)
        return self._mapping(events, place)

    def _sequence(self, events: Any, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*place, len(items))))
        return items

    def _mapping(self, events: Any, place: Place) -> dict[Any, Any]:
        items: dict[Any, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            _refuse_marks(event)
            key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                raise _RefusedError(_line(event), "expected a name before the colon")
            if key in items:  # also refuses `1` beside `true`, which Python cannot tell apart as keys
                raise _RefusedError(_line(event), "the same name is used twice in one mapping")
            self.lines[(*place, key)] = _line(event)
            items[key] = self._value(next(events), events, (*place, key))
        return items


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse_marks(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        text = "anchors (&) and aliases (*) are not read; write the text out, or put it in quotes"
        raise _RefusedError(_line(event), text)
    if event.tag is not None:
        raise _RefusedError(_line(event), "tags (!) are not read; put text that begins with '!' in quotes")


def _scalar(event: yaml.ScalarEvent) -> str | int | bool | None:
    text = str(event.value)
    if event.style:  # quoted or a block: always text
        return text
    match text:
        case "" | "~" | "null":
            return None
        case "true":
            return True
        case "false":
            return False
        case _ if _INTEGER.fullmatch(text):
            return int(text)
        case _:
            return text
