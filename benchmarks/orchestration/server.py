"""A mock of an OpenAI Chat Completions server: scripted replies, a fixed latency, and counters.

    python -m benchmarks.orchestration.server        prints its port and serves until it is told to end

What is wanted rides in the address, so that every client can say it through its base URL:

    http://127.0.0.1:PORT/RUN/LATENCY_MS/AUDIT/v1    AUDIT 1: compare each prompt with the side's one before
    http://127.0.0.1:PORT/counters/RUN               what was counted so far

Covered: JSON replies by schema or by tool call, keep-alive, requests with a content length.
Not covered: streaming, TLS, faults. It binds to loopback and ends when its standard input does, so that none is
left behind by a parent that was killed.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.orchestration.script import Move, text_of, whose

_MOST_PROMPTS = 4096


@dataclass(slots=True)
class Counters:
    """What one run sent."""

    requests: int = 0
    errors: int = 0
    connections: int = 0
    at_once: int = 0
    """The most requests that waited for a reply at one time."""
    http_bytes: int = 0
    body_bytes: int = 0
    service_seconds: float = 0.0
    """What the server itself needed, latency aside."""
    prompt_characters: int = 0
    previous_characters: int = 0
    """Of the prompts that a later one of the same side could have kept."""
    kept_characters: int = 0
    """How much of those the later ones began with."""
    follow_ups: int = 0
    extending: int = 0
    """Follow-ups that begin with the whole prompt before."""


@dataclass(slots=True)
class Memory:
    """What the server knows: counters of each run, and the last prompt of each side in audited runs."""

    runs: dict[str, Counters] = field(default_factory=dict)
    prompts: OrderedDict[tuple[str, str, str], str] = field(default_factory=OrderedDict)
    waiting: dict[str, int] = field(default_factory=dict)
    """Requests that have no reply yet."""

    def counters(self, run: str) -> Counters:
        """The counters of a run, made when it is first heard of."""
        return self.runs.setdefault(run, Counters())

    def audit(self, run: str, body: dict[str, Any], counters: Counters) -> None:
        """Compare a prompt with the one before it of the same side."""
        prompt = _canonical(body)
        key = (run, *whose(body["messages"]))
        counters.prompt_characters += len(prompt)
        if (before := self.prompts.pop(key, None)) is not None:
            kept = _common(before, prompt)
            counters.follow_ups += 1
            counters.previous_characters += len(before)
            counters.kept_characters += kept
            counters.extending += kept == len(before)
        self.prompts[key] = prompt
        if len(self.prompts) > _MOST_PROMPTS:
            self.prompts.popitem(last=False)


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """The reply to a request's JSON: a tool call if there are tools, otherwise text that is JSON."""
    move = Move(body["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    form = body.get("response_format") or {}
    if tools := body.get("tools"):
        function = tools[0]["function"]
        arguments = json.dumps(move.fill(function["parameters"]))
        call = {"name": function["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
    elif form.get("type") == "json_schema":
        message["content"] = json.dumps(move.fill(form["json_schema"]["schema"]))
    else:
        message["content"] = "Understood."  # no form, no move
    read = sum(len(text_of(message)) for message in body["messages"]) // 4
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", "mock"),
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if tools else "stop"}],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": 60,
            "total_tokens": read + 60,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


class _Connection(asyncio.Protocol):
    """One client. Speaks as much HTTP/1.1 as clients of such an API need."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None

    def data_received(self, data: bytes) -> None:
        started = time.perf_counter()
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            first, *lines = bytes(self._heard[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self._heard) < size:
                return
            body = bytes(self._heard[end + 4 : size])
            del self._heard[:size]
            self._answer(first.split()[1], body, size, started)

    def _answer(self, path: str, body: bytes, size: int, started: float) -> None:
        run, latency, audit, *rest = (*path.strip("/").split("/"), "", "", "")
        if run == "counters":
            found = {"cpu_seconds": time.process_time(), **asdict(self._memory.counters(latency))}
            self._send(b"200 OK", json.dumps(found).encode())
            return
        if "chat/completions" not in "/".join(rest):
            self._send(b"404 Not Found", b'{"error": {"message": "only v1/chat/completions is here"}}')
            return
        counters = self._memory.counters(run)
        counters.requests += 1
        counters.http_bytes += size
        counters.body_bytes += len(body)
        counters.connections += not self._counted
        self._counted = True
        status = b"200 OK"
        try:
            asked = json.loads(body)
            if audit == "1":
                self._memory.audit(run, asked, counters)
            reply = completion(asked)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            counters.errors += 1  # a client's fault has to be seen
            status = b"400 Bad Request"
            reply = {
                "error": {"message": f"{type(error).__name__}: {error}", "type": "invalid_request_error"}
            }
        said = json.dumps(reply).encode()
        waiting = self._memory.waiting
        waiting[run] = waiting.get(run, 0) + 1
        counters.at_once = max(counters.at_once, waiting[run])
        counters.service_seconds += time.perf_counter() - started
        if seconds := float(latency) / 1000:
            asyncio.get_running_loop().call_later(seconds, self._reply, run, status, said)
        else:
            self._reply(run, status, said)

    def _reply(self, run: str, status: bytes, body: bytes) -> None:
        self._memory.waiting[run] -= 1
        self._send(status, body)

    def _send(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        if self._transport is not None:
            self._transport.write(head % (status, len(body)) + body)


def _canonical(body: dict[str, Any]) -> str:
    """A prompt as a provider's cache sees it: the forms of the reply first, then one message after the other."""
    forms = json.dumps([body.get("tools"), body.get("response_format")])
    return forms + "".join(json.dumps(message, sort_keys=True) for message in body["messages"])


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    if other.startswith(one):
        return len(one)
    return next(place for place, (a, b) in enumerate(zip(one, f"{other}\0", strict=False)) if a != b)


async def serve() -> None:
    """Print the port and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    memory = Memory()
    server = await loop.create_server(lambda: _Connection(memory), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", type=int, help="the only core to use")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    asyncio.run(serve())


if __name__ == "__main__":
    main()
