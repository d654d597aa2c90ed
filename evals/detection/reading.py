"""Readings: a message as it is, then with its disguises taken off, one under another.

Covered: what `letters`, `code` and `cipher` undo, up to three deep, the shallow first, each text once.
Bounded: in characters read in all, so that garbage costs no more than a long message; of a message longer than
`_WINDOW`, the disguised are looked for at the beginning and the end.
Not covered: four deep; what is in the middle of a message of that length and disguised.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from evals.detection import cipher, code, letters
from evals.detection.cipher import Ciphers

_DEPTH = 3
_WINDOW = 12_000
_CHARACTERS = 16_000
_TIMES = 3
_MOST = 40  # readings


class Reading(NamedTuple):
    """A text that a message may be meant to say, in lower case."""

    text: str
    disguised: bool = False
    """Whether it takes some undoing to read it at all: then it may be read by chance."""
    hidden: bool = False
    """Whether its digits were not to be read, either."""


class _Node(NamedTuple):
    text: str
    hidden: bool
    ways: tuple[str, ...]


def readings(message: str, ciphers: Ciphers) -> Iterator[Reading]:
    """The message as it is, then with disguises taken off.

    Args:
        message: Any text.
        ciphers: What knows the words to look for.
    """
    yield Reading(letters.plain(message).lower())
    beginning = message if len(message) <= 2 * _WINDOW else message[:_WINDOW] + message[-_WINDOW:]
    left = _CHARACTERS + _TIMES * len(beginning)
    seen, waiting, count = {beginning}, deque([_Node(beginning, False, ())]), 0
    while waiting:
        node = waiting.popleft()
        for child in _under(node, ciphers):
            if child.text in seen or not child.text.strip():
                continue
            left -= len(child.text)
            count += 1
            if left < 0 or count > _MOST:
                return
            seen.add(child.text)
            yield Reading(letters.plain(child.text).lower(), disguised=True, hidden=child.hidden)
            if len(child.ways) < _DEPTH and child.ways[-1] != "letters":
                waiting.append(child)


def _under(node: _Node, ciphers: Ciphers) -> Iterator[_Node]:
    def child(text: str, way: str, hidden: bool = True) -> _Node:
        return _Node(text, hidden or node.hidden, (*node.ways, way))

    for text in letters.unseen(node.text):
        yield child(text, "unseen")
    if turned := letters.turned(node.text):
        yield child(turned, "letters")
    plain = letters.plain(node.text)
    last = node.ways[-1] if node.ways else ""
    for text in code.decoded(plain):
        yield child(text, "code")
    if last == "cipher":
        return  # what else there is above a cipher is also reached from the other side
    for text in ciphers.undone(plain):
        yield child(text, "cipher", hidden=False)
    if cipher.sense(signs := cipher.signs(plain).lower()) > 1:
        yield child(signs, "letters")
    if last == "backwards":
        return
    for text in cipher.backwards(plain):
        yield child(text, "backwards")
    yield child(cipher.by_words(plain), "letters", hidden=False)
    for text in letters.leet(plain):
        yield child(text, "letters", hidden=False)
    if last != "drawn":
        for text in cipher.drawn_together(plain):
            yield child(text, "drawn")
