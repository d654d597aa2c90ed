"""The child process that runs the embedded engine (mistral.rs). `local` starts it as a script.

It takes one inherited socket, on which both sides speak length-prefixed JSON: first an order to load
weights, then one order per reply. It answers with a result or with the name of a fault, never with the
engine's own words: those may hold a prompt. It reads nothing but the weights and writes nothing.

Covered: it ends at once when its parent closes the socket or dies, also in the middle of a reply; no core
dump; not readable by other processes of the same user (Linux). Not covered: its memory is not wiped, only
given back to the kernel.

It is run by path and imports nothing of this project, so that a start costs the engine's import and no more.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
from queue import SimpleQueue
from typing import Any, cast

_HEADER = struct.Struct(">I")
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

# What the engine's messages mean, by what they are known to contain. The first match wins.
_FAULTS = (
    ("grammar", ("invalid grammar", "grammar")),
    (
        "context",
        ("exceeds the model", "maximum context", "max sequence length", "sequence length", "too long"),
    ),
    (
        "architecture",
        ("unknown gguf arch", "unsupported arch", "unknown arch", "architecture", "not supported"),
    ),
    ("template", ("chat template", "chat_template", "template")),
    ("memory", ("out of memory", "cannot allocate", "not enough memory", "does not fit")),
)


def harden() -> None:
    """No core dump, no peeking by other processes, and no life without the parent."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        # trap: the signal comes when the *thread* that started this process ends
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def read_orders(connection: socket.socket, orders: SimpleQueue[dict[str, Any]]) -> None:
    """Pass on each order, and end the process when the parent is gone. Runs in a thread of its own."""
    with connection.makefile("rb") as stream:
        while True:
            header = stream.read(_HEADER.size)
            if len(header) < _HEADER.size:
                os._exit(0)
            body = stream.read(_HEADER.unpack(header)[0])
            if not body:
                os._exit(0)
            orders.put(json.loads(body))


def send(connection: socket.socket, answer: dict[str, Any]) -> None:
    """Send one answer."""
    body = json.dumps(answer).encode()
    connection.sendall(_HEADER.pack(len(body)) + body)


def fault_in(error: BaseException, otherwise: str) -> str:
    """The name of what went wrong. Only names leave: the engine's own words may hold a prompt."""
    if isinstance(error, ImportError):
        return "missing"
    if isinstance(error, MemoryError):
        return "memory"
    words = str(error).lower()
    return next((name for name, signs in _FAULTS if any(sign in words for sign in signs)), otherwise)


def load(order: dict[str, Any]) -> Any:
    """Load weights and move the sampler to the seed's position."""
    from mistralrs import Runner, Which  # noqa: PLC0415 - after hardening, and its absence is an answer

    folder, name = os.path.split(order["path"])
    # The token source and everything that could reach out are named, though off by default.
    runner = Runner(
        which=cast(
            Any, Which.GGUF(quantized_model_id=folder, quantized_filename=name)
        ),  # the stub's type is wrong
        token_source="none",  # noqa: S106 - it says: no token
        max_seqs=1,
        prefix_cache_n=order["conversations"],
        enable_search=False,
    )
    # The engine refuses a seed on a CPU. Its sampler starts at the same place in every process and moves with
    # every sampled token, so a warm-up reply of a length that depends on the seed has the same effect.
    ask(
        runner,
        {
            "messages": [{"role": "user", "content": "Count."}],
            "max_tokens": order["skip"],
            "temperature": 1.0,
        },
    )
    return runner


def ask(runner: Any, order: dict[str, Any]) -> dict[str, Any]:
    """One reply."""
    from mistralrs import ChatCompletionRequest  # noqa: PLC0415

    schema = order.get("schema")
    response = runner.send_chat_completion_request(
        ChatCompletionRequest(
            model="default",
            messages=order["messages"],
            max_tokens=order["max_tokens"],
            temperature=order["temperature"],
            grammar_type=None if schema is None else "json_schema",
            grammar=None if schema is None else json.dumps(schema),
            ignore_eos=schema is None,
            enable_thinking=False,
        )
    )
    usage = response.usage
    return {
        "text": response.choices[0].message.content or "",
        "input_tokens": usage.prompt_tokens,
        "cached_tokens": getattr(usage.prompt_tokens_details, "cached_tokens", 0) or 0,
        "output_tokens": usage.completion_tokens,
        "input_seconds": usage.total_prompt_time_sec,
        "output_seconds": usage.total_completion_time_sec,
    }


def main() -> None:
    """Serve one parent until it closes the socket."""
    harden()
    connection = socket.socket(fileno=int(sys.argv[1]))
    orders: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=read_orders, args=(connection, orders), daemon=True).start()
    runner = None
    while True:
        order = orders.get()
        try:
            if runner is None:
                runner = load(order)
                answer = {"context": runner.max_sequence_length()}
            else:
                answer = ask(runner, order)
        except BaseException as error:  # noqa: BLE001 - the engine's panics are BaseExceptions
            answer = {"fault": fault_in(error, "engine" if runner else "load")}
        send(connection, answer)


if __name__ == "__main__":
    main()
