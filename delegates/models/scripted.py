"""A model that says what a script says: for tests, demonstrations and dry runs without a provider.

Covered: fixed replies, replies computed from the request, failures; counts of calls; usage by length, always
the same.
Not covered: checking that a reply suits the schema. A script may be as wrong as a real model.

A script file is YAML or JSON: a list of replies, or a mapping with `replies` and, if the script is to start
over at its end, `cycle: true`. A reply is a string, or an object that is sent as JSON.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bargaining.errors import InvalidModelError, ModelReplyError
from delegates.models.interface import Completion, Request, Usage

Reply: TypeAlias = str | Callable[[Request], str | Awaitable[str]] | Exception
"""What to do at one call: say this, say what this returns, or fail like this."""

_LARGEST_FILE_BYTES = 4 * 2**20
_HINT = "a script is a YAML or JSON list of replies, each a string or an object"


class ScriptedModel:
    """A model that gives the replies of a script, one a call.

    Args:
        replies: What to do at each call, in order.
        spec: How it is called.
        cycle: Start over at the end; otherwise a further call is a ModelReplyError.
        keep_requests: Keep every request. Requests hold brief content: for tests only.
    """

    def __init__(
        self,
        replies: Sequence[Reply],
        *,
        spec: str = "scripted/inline",
        cycle: bool = False,
        keep_requests: bool = False,
    ) -> None:
        if not replies:
            raise InvalidModelError(f"the script has no replies: {_HINT}")
        self.spec = spec
        self.calls = 0
        """How often it was asked."""
        self.requests: list[Request] = []
        """What it was asked, if it was told to keep that."""
        self.closed = False
        self._replies = tuple(replies)
        self._cycle = cycle
        self._keep_requests = keep_requests

    @classmethod
    def from_file(cls, path: str | Path) -> "ScriptedModel":
        """Read a script.

        Raises:
            InvalidModelError: It cannot be read, or is not a script. The message names the file and the
                place, and repeats nothing from it.
        """
        replies, cycle = _read(Path(path))
        return cls(replies, spec=f"scripted/{path}", cycle=cycle)

    @classmethod
    def from_text(cls, text: str, name: str) -> "ScriptedModel":
        """The script that a text is.

        Args:
            text: YAML or JSON.
            name: What errors call it.

        Raises:
            InvalidModelError: It is not a script.
        """
        replies, cycle = _parsed(text, name)
        return cls(replies, spec=f"scripted/{name}", cycle=cycle)

    async def complete(self, request: Request) -> Completion:
        """Give the next reply. See `Model`."""
        number = self.calls
        self.calls += 1
        if self._keep_requests:
            self.requests.append(request)
        if number >= len(self._replies) and not self._cycle:
            raise ModelReplyError(
                f"the script of {self.spec} is over after {len(self._replies)} replies: add some, or "
                "write cycle: true"
            )
        reply = self._replies[number % len(self._replies)]
        if isinstance(reply, Exception):
            raise reply
        text = reply
        if callable(reply):
            said = reply(request)
            text = await said if inspect.isawaitable(said) else said
        assert isinstance(text, str)
        return Completion(text=text, usage=_usage(request, text))

    async def close(self) -> None:
        """Nothing to release."""
        self.closed = True


def _usage(request: Request, text: str) -> Usage:
    asked = len(request.system) + sum(len(turn.text) for turn in request.turns)
    return Usage(input_tokens=asked // 4, output_tokens=len(text) // 4)


def _read(path: Path) -> tuple[list[Reply], bool]:
    problem: str
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise InvalidModelError(f"{path}: larger than a script may be (4 MiB)")
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        problem = f"{path}: not a UTF-8 text file"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be read"
        problem = f"{path}: {reason}"
    raise InvalidModelError(problem)


def _parsed(text: str, name: str) -> tuple[list[Reply], bool]:
    problem: str
    try:
        return _replies(yaml.safe_load(text), name)
    except ValueError:  # a date that there is not
        problem = f"{name}: cannot be read"
    except (yaml.YAMLError, RecursionError) as error:
        mark: Any = getattr(error, "problem_mark", None)
        problem = f"{name}:{mark.line + 1 if mark else 1}: neither YAML nor JSON: {_HINT}"
    # Outside the except block: a parser's error quotes the file.
    raise InvalidModelError(problem)


def _replies(found: object, path: str) -> tuple[list[Reply], bool]:
    cycle: object = False
    if isinstance(found, dict):
        if set(found) - {"replies", "cycle"}:
            raise InvalidModelError(f"{path}: only 'replies' and 'cycle' are known here: {_HINT}")
        cycle = found.get("cycle", False)
        found = found.get("replies")
    if not isinstance(cycle, bool):
        raise InvalidModelError(f"{path}: cycle must be true or false")
    if not isinstance(found, list) or not found:
        raise InvalidModelError(f"{path}: no replies: {_HINT}")
    replies: list[Reply] = []
    for number, reply in enumerate(found, start=1):
        match reply:
            case str():
                replies.append(reply)
            case dict():
                try:
                    replies.append(json.dumps(reply, ensure_ascii=False, allow_nan=False))
                    continue
                except (TypeError, ValueError):
                    pass
                raise InvalidModelError(f"{path}: reply {number} holds something that JSON cannot: {_HINT}")
            case _:
                raise InvalidModelError(f"{path}: reply {number} is neither a string nor an object: {_HINT}")
    return replies, cycle
