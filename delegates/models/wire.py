"""A call by HTTP, whoever makes it: what came back, and errors without content.

Covered: a total time limit per call (an SDK's own limit is per read, so a server that drips bytes would never
reach it); an error names a status and a host only, because a server may reflect a prompt in its answer.
Not covered: making the call; see `transport` and `sdk`.

    HTTP status or fault                                    error                    another try
    408, 409, 425, 429, 5xx (529 too), timeout, reset       ModelTransientError      yes
    a body that is no JSON object (HTML, empty, cut off)    ModelTransientError      yes: often a proxy's page
    3xx, 400, 401, 403, 404, 413, 422, other 4xx, 501, 505  ModelUnavailableError    no
    429 with the code `insufficient_quota`                  ModelUnavailableError    no: no credit left
    connection refused, unknown host, bad certificate       ModelUnavailableError    no
    JSON that is no completion; a refusal; no text          ModelReplyError          not the same request
"""

import asyncio
import json
import math
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from bargaining.errors import ModelError, ModelReplyError, ModelTransientError, ModelUnavailableError

LARGEST_REPLY_BYTES = 16 * 2**20
_SLOW_DOWN = {408, 409, 425, 429}
_NEVER_BETTER = {501, 505}
_REFUSED = "it does not accept this request: check the model's name and that the prompt fits its context"
_ADVICE = {
    400: _REFUSED,
    401: "the key is wrong: check the environment variable that holds it",
    402: "the account has no credit left",
    403: "the key may not use this model",
    404: "no such model or address: check the name (most servers' addresses end in /v1)",
    413: "the prompt is too long for it: shorten the brief or choose another model",
    422: _REFUSED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, before anybody decides what it means."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def host_of(url: str) -> str:
    """The host and port of an address, for error messages."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


async def send(
    exchange: Callable[[], Awaitable[Answer]],
    *,
    host: str,
    timeout_seconds: float,
    faults: Iterable[type[Exception]] = (),
) -> Answer:
    """Make one call and return what came back, whatever its status.

    Args:
        exchange: Makes the call.
        host: Named in errors.
        timeout_seconds: For the whole call.
        faults: What is raised if the connection cannot be made or breaks, beside aiohttp's errors.

    Raises:
        ModelTransientError: It took too long, or the connection broke.
        ModelUnavailableError: No connection can be made.
    """
    import aiohttp  # noqa: PLC0415  (imported when it is used)

    problem: ModelError
    broken: tuple[type[Exception], ...] = (*faults, aiohttp.ClientError, OSError)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await exchange()
    except TimeoutError:
        problem = _too_slow(host, timeout_seconds)
    except broken as error:
        problem = _connection_problem(error, host, timeout_seconds)
    # Outside the except block: the library's error holds the request, and with it the prompt.
    raise problem


def read_object(answer: Answer, host: str) -> dict[str, Any]:
    """The JSON object in a successful answer.

    Raises:
        ModelError: The status is not 2xx, or the body is no JSON object. See the table above.
    """
    if not 200 <= answer.status < 300:
        raise status_problem(answer, host)
    found: object = None
    if len(answer.body) <= LARGEST_REPLY_BYTES:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise ModelTransientError(f"{host} answered with something that is not a JSON object")
    return found


def status_problem(answer: Answer, host: str) -> ModelError:
    """The error for a status other than 2xx. The body is looked at for known codes and never repeated."""
    status = answer.status
    if status == 429 and b"insufficient_quota" in answer.body:
        return ModelUnavailableError(f"{host} answered 429: {_ADVICE[402]}")
    if status in _SLOW_DOWN or (status >= 500 and status not in _NEVER_BETTER):
        wait = retry_after_seconds(answer.headers)
        return ModelTransientError(f"{host} answered {status}: it is busy or failing", wait)
    if 300 <= status < 400:
        return ModelUnavailableError(f"{host} answered {status}, a redirect: give the final address")
    return ModelUnavailableError(f"{host} answered {status}: {_ADVICE.get(status, 'it refuses the request')}")


def retry_after_seconds(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """How long the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * scale
        except ValueError:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - now()
            except (ValueError, TypeError, OverflowError):
                continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def asks_for_no_schema(answer: Answer, *, sure: bool) -> bool:
    """Whether a server may have refused only because it was asked to enforce a schema.

    Args:
        answer: What it said.
        sure: Only if the answer says so; else any refusal of the request's form counts.
    """
    if answer.status not in {400, 415, 422, 501}:
        return False
    words = (b"response_format", b"json_schema", b"output_config", b"output_format", b"schema", b"grammar")
    return not sure or any(word in answer.body.lower() for word in words)


def text_of(value: object, host: str, reason: object) -> str:
    """The text of a reply, if there is any.

    Raises:
        ModelReplyError: There is none. `reason` is why the model stopped, as the provider calls it.
    """
    if isinstance(value, str) and value.strip():
        return value
    if reason in {"length", "max_tokens"}:
        raise ModelReplyError(
            f"the model at {host} used up its tokens before it said anything: allow it more"
        )
    raise ModelReplyError(f"the model at {host} said nothing")


def count(usage: object, *path: str) -> int | None:
    """A whole number at a path in a usage report, or None if there is none."""
    for name in path:
        usage = usage.get(name) if isinstance(usage, dict) else None
    return usage if isinstance(usage, int) and not isinstance(usage, bool) and usage >= 0 else None


def _too_slow(host: str, timeout_seconds: float) -> ModelTransientError:
    return ModelTransientError(f"{host} did not answer within {timeout_seconds:g} seconds")


def _connection_problem(error: BaseException, host: str, timeout_seconds: float) -> ModelError:
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return ModelUnavailableError(f"the certificate of {host} is not valid for it")
            case socket.gaierror() if cause.errno != socket.EAI_AGAIN:
                return ModelUnavailableError(f"there is no host named {host}: check the address")
            case ConnectionRefusedError():
                return ModelUnavailableError(
                    f"nothing answers at {host}: start the server or check the address"
                )
            case TimeoutError():
                return _too_slow(host, timeout_seconds)
    if any("Timeout" in type(cause).__name__ for cause in _causes(error)):
        return _too_slow(host, timeout_seconds)
    return ModelTransientError(f"the connection to {host} broke")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        # aiohttp keeps the operating system's error beside the chain.
        inner = getattr(found, "os_error", None) or getattr(found, "certificate_error", None)
        found = inner if isinstance(inner, BaseException) else found.__cause__ or found.__context__
