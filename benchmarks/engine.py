"""Measure the embedded engine, and beside it a llama-server if there is one.

    python -m benchmarks.engine [--source ALIAS-or-PATH.gguf] [--llama-server PATH] [--json]

Each engine gets the same conversation: a long first prompt, then two more turns, each reply under a JSON schema.
Runs are interleaved and the median is shown. The load of the machine is shown too: other busy programs slow
both engines, so compare only lines of one run.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from delegates.models import weights
from delegates.models.interface import Request, Turn
from delegates.models.local import LocalModel

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "price": {"type": "integer", "minimum": 8000, "maximum": 15000, "multipleOf": 100},
        "delivery": {"enum": ["pickup", "delivered"]},
        "message": {"type": "string", "maxLength": 240},
    },
    "required": ["price", "delivery", "message"],
    "additionalProperties": False,
}
SYSTEM = "You negotiate for the seller of a used truck. " + (
    "The truck was serviced at regular intervals and the papers are complete; "
    "you know the market well and care about a fast sale. " * 25
)
REPLIES = 3
MAX_TOKENS = 120


def resident_mb(pid: int) -> int:
    """The memory that a process has in RAM."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def question(number: int) -> str:
    """What the other side does in a turn."""
    return (
        f"Turn {number + 1}: the buyer offers {9000 + 300 * number}, pickup. Answer with your move as JSON."
    )


def summary(load_seconds: float, replies: list[dict[str, float]], memory_mb: int) -> dict[str, float]:
    """One line of the table, from the times of the first reply (a cold prompt) and of the later ones."""
    first, *later = replies
    return {
        "load s": load_seconds,
        "first reply s": first["seconds"],
        "later reply s": statistics.median(reply["seconds"] for reply in later),
        "tokens/s overall": sum(r["output"] for r in replies) / sum(r["seconds"] for r in replies),
        "later tokens/s": sum(r["output"] for r in later) / sum(r["seconds"] for r in later),
        "later prompt cached": min(reply["cached"] / reply["input"] for reply in later),
        "memory MB": memory_mb,
    }


async def measure_embedded(path: Path) -> dict[str, float]:
    """The embedded engine, through the class that the product uses."""
    model = LocalModel(str(path))
    try:
        started = time.perf_counter()
        await model.start()
        load_seconds = time.perf_counter() - started
        turns: tuple[Turn, ...] = ()
        replies = []
        for number in range(REPLIES):
            turns = (*turns, Turn("user", question(number)))
            started = time.perf_counter()
            completion = await model.complete(Request(SYSTEM, turns, SCHEMA, MAX_TOKENS))
            seconds = time.perf_counter() - started
            usage = completion.usage
            assert usage
            replies.append(
                {
                    "seconds": seconds,
                    "input": usage.input_tokens,
                    "cached": usage.cached_tokens,
                    "output": usage.output_tokens,
                }
            )
            turns = (*turns, Turn("assistant", completion.text))
        assert model.pid
        return summary(load_seconds, replies, resident_mb(model.pid))
    finally:
        await model.close()


def measure_llama_server(binary: str, path: Path) -> dict[str, float]:
    """A llama-server with the same weights and as many threads as there are cores."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cores = str(os.cpu_count() or 1)
    started = time.perf_counter()
    command = [
        binary,
        "-m",
        str(path),
        "--port",
        str(port),
        "-c",
        "8192",
        "-np",
        "1",
        "-t",
        cores,
        "--no-webui",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            if server.poll() is not None:
                raise SystemExit(f"{binary} ended with status {server.returncode}")
            time.sleep(0.05)
        load_seconds = time.perf_counter() - started
        messages = [{"role": "system", "content": SYSTEM}]
        replies = []
        for number in range(REPLIES):
            messages.append({"role": "user", "content": question(number)})
            body = {
                "messages": messages,
                "max_tokens": MAX_TOKENS,
                "temperature": 0.7,
                "response_format": {"type": "json_schema", "json_schema": {"name": "move", "schema": SCHEMA}},
            }
            started = time.perf_counter()
            answer = post(f"http://127.0.0.1:{port}/v1/chat/completions", body)
            seconds = time.perf_counter() - started
            usage = answer["usage"]
            replies.append(
                {
                    "seconds": seconds,
                    "input": usage["prompt_tokens"],
                    "cached": usage["prompt_tokens"] - answer["timings"]["prompt_n"],
                    "output": usage["completion_tokens"],
                }
            )
            messages.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
        return summary(load_seconds, replies, resident_mb(server.pid))
    finally:
        server.kill()
        server.wait()


def answers(url: str) -> bool:
    """Whether a server is ready."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send JSON, get JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as response:
        found: dict[str, Any] = json.load(response)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the embedded engine.")
    parser.add_argument("--source", default=weights.DEFAULT_ALIAS, help="an alias or a path to a .gguf file")
    parser.add_argument("--llama-server", metavar="PATH", help="a llama-server to measure beside it")
    parser.add_argument("--repeat", type=int, default=2, help="runs per engine, interleaved")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    path = weights.find(options.source)
    runs: dict[str, list[dict[str, float]]] = {}
    load_before = os.getloadavg()[0]
    for _ in range(options.repeat):
        runs.setdefault("mistralrs", []).append(asyncio.run(measure_embedded(path)))
        if options.llama_server:
            runs.setdefault("llama-server", []).append(measure_llama_server(options.llama_server, path))
    medians = {
        engine: {name: round(statistics.median(run[name] for run in found), 2) for name in found[0]}
        for engine, found in runs.items()
    }
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), "load before": load_before, "engines": medians}))
        return
    columns = list(next(iter(medians.values())))
    print(f"{os.cpu_count()} cores, load before {load_before:.1f}, median of {options.repeat}\n")
    print("| engine | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for engine, line in medians.items():
        print(f"| {engine} | " + " | ".join(str(line[column]) for column in columns) + " |")


if __name__ == "__main__":
    main()
