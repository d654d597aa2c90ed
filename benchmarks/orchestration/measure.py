"""One measurement in one fresh process, started by `bench` with the interpreter of the peer's environment.

Linux only: memory is read from /proc. Prints one JSON object.
"""

import argparse
import asyncio
import gc
import importlib
import json
import os
import sys
import time
import urllib.request
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.fresh import printed
from benchmarks.orchestration.job import MOVES

_PACKAGES = (
    *("negotiation-box", "openai", "aiohttp", "httpx2", "langgraph", "pydantic", "autogen-agentchat"),
    *("pydantic-ai-slim", "openai-agents", "inspect-ai", "crewai", "negmas", "negmas-llm", "litellm"),
)


def memory_kb(name: str) -> int:
    """A line of this process's status: VmRSS now, or VmHWM, the most so far."""
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(line.split()[1] for line in status if line.startswith(name)))


class Measurement:
    """A peer that is loaded, and what the server counts about it."""

    def __init__(self, peer: str, port: int, latency_ms: int, audit: bool) -> None:
        self._run = f"{peer}-{os.getpid()}"
        self._origin = f"http://127.0.0.1:{port}"
        self._cases = 0
        started = time.perf_counter()
        module = importlib.import_module(f"benchmarks.orchestration.peers.{peer}")
        self.import_seconds = time.perf_counter() - started
        self._peer = module.Peer(f"{self._origin}/{self._run}/{latency_ms}/{int(audit)}/v1")

    async def negotiate(self, count: int, at_once: int) -> dict[str, Any]:
        """Run so many negotiations; what they took."""
        cases = [f"{self._run}-{self._cases + n}" for n in range(count)]
        self._cases += count
        cpu, wall = time.process_time(), time.perf_counter()
        results = await self._peer.run(cases, at_once)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        wrong = [result for result in results if not result.agreed or result.moves != MOVES]
        if wrong or len(results) != count:
            raise SystemExit(f"not an agreement after {MOVES} moves: {wrong[:1]} ({len(results)} of {count})")
        return {"negotiations": count, "at_once": at_once, "cpu_seconds": cpu, "wall_seconds": wall}

    def counters(self) -> dict[str, Any]:
        """What the server has counted."""
        with urllib.request.urlopen(f"{self._origin}/counters/{self._run}", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    async def close(self) -> None:
        """Close the peer."""
        await self._peer.close()


def versions() -> dict[str, str]:
    """What is installed here, as far as it matters."""
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The measurement that was asked for."""
    measurement = Measurement(options.peer, options.port, options.latency, options.kind == "audit")
    found: dict[str, Any] = {"import_seconds": measurement.import_seconds}
    try:
        found["warm_up"] = await measurement.negotiate(options.warm_up, 1)
        gc.collect()
        found["memory_before_kb"] = memory_kb("VmRSS")
        before = measurement.counters()["cpu_seconds"]
        if options.count:
            found |= await measurement.negotiate(options.count, options.at_once)
        found["memory_peak_kb"] = memory_kb("VmHWM")
        found["counters"] = measurement.counters()
        found["server_cpu_seconds"] = found["counters"]["cpu_seconds"] - before
        found["modules"] = len(sys.modules)
        found["versions"] = versions()
    finally:
        await measurement.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--kind", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=int, default=0)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--cpu", type=int, help="the only core to use")
    options = parser.parse_args()
    printed(lambda: asyncio.run(measure(options)), options.cpu)
    os._exit(0)  # some frameworks keep threads that would hold the process


if __name__ == "__main__":
    main()
