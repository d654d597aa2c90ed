"""A sweep on a Ray cluster: each negotiation is a task, held by whatever worker is free.

    run = RayRunner(Parcel.of(request, ["leaks"]), address="head.example.org:6379")
    row = await run(case)

What travels: a `Parcel`, with specs of models, prompts, and scenarios in full, briefs too. While the sweep runs it
lies in Ray's object store, in shared memory, or on disk where that is short; Ray neither encrypts nor wipes: made-up
briefs only may go there. What comes back: rows. Keys do not travel; a worker takes them from its own environment.

Covered: a worker or a node that dies: Ray holds the negotiation again elsewhere, and one row comes of it; one whose
worker dies too often has no result (`box`). Ctrl-C ends what is running. No usage statistics, unless the environment
asks for them; no worker's output reaches this process.
Not covered: the node that this process is on, and the head of the cluster: with either the sweep is lost, and goes on
with `--resume`. What a lost attempt cost, which no row tells. Files of scripted models and weights: each worker
needs them at the same path. A cluster that has lost all workers: it waits for new ones, until Ctrl-C. Autoscaling
from nothing; Ray Client (`ray://`).
"""

import asyncio
import atexit
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias

from bargaining.errors import InvalidInputError, NegboxError, SandboxError
from evals import suites
from evals.boxed import BoxedRunner
from evals.case import Case, Row
from evals.parcel import Parcel
from evals.suite import Request, Suite
from evals.sweep import Runner, here
from sandbox import host
from sandbox.isolation import ladder

Maker: TypeAlias = Callable[[Mapping[str, Suite], Request], Runner]
"""Makes a runner, in the process that is to use it. Travels by name: a function of a module."""

HERE = "local"
"""The address of a cluster that is started on this machine, and ends with the runner."""
_ANSWER_SECONDS = 10.0
_SILENT = 50  # logging.CRITICAL: what Ray has to say to a person goes to its own log files
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # it prints the death of a node on our standard output, where results go
}
"""For Ray, where the user has not chosen otherwise. They count only where it has not been imported before."""


def in_boxes(chosen: Mapping[str, Suite], request: Request) -> Runner:
    """Negotiations in boxes, with the strongest walls that the worker's machine can build.

    Suites that start boxes themselves are held in the worker's own process.

    Raises:
        SandboxError: It can build none.
    """
    outside = here(chosen, request)
    names = [name for name, suite in chosen.items() if suite.boxed]
    boxed = BoxedRunner(request, names, ladder.choose("landlock", host.gather()))
    atexit.register(boxed.close)  # of a worker that is killed, boxes end too, when their line is cut

    async def run(case: Case) -> Row:
        return await (boxed if chosen[case.suite].boxed else outside)(case)

    return run


class RayRunner:
    """Holds negotiations on a cluster. Close it, also after an error.

    Args:
        parcel: What the workers need.
        address: The cluster, as `host:port`; `HERE` starts one on this machine.
        make: How a worker holds a negotiation: in its own process, without walls, or `in_boxes`.
        cpus: What each takes of a worker. Less than 1 suits models that are elsewhere: all it does is wait.
        attempts: How often it is begun, if its worker dies each time.

    Raises:
        InvalidInputError: Ray is not installed.
        SandboxError: There is no such cluster, or nothing in it to work with.
    """

    def __init__(
        self,
        parcel: Parcel,
        *,
        address: str = HERE,
        make: Maker = here,
        cpus: float = 1.0,
        attempts: int = 4,
    ) -> None:
        self._ray = _joined(address)
        try:
            if self._ray.cluster_resources().get("CPU", 0) < cpus:
                raise SandboxError(f"--address {address}: no worker there has a CPU to give; start one")
            self._parcel = self._ray.put(parcel.model_dump_json())
            self._make = make
            self._task = self._ray.remote(_negotiation).options(
                name="negotiation",
                num_cpus=cpus,
                max_retries=attempts - 1,
                scheduling_strategy="SPREAD",
            )
        except BaseException:
            self._ray.shutdown()
            raise

    async def __call__(self, case: Case) -> Row:
        """Hold one negotiation.

        Raises:
            InvalidInputError: A worker lacks a file or a key, or has another version.
            SandboxError: It cannot build walls.
        """
        reference = self._task.remote(self._parcel, case.model_dump_json(), self._make)
        lost = False
        kind = text = ""
        try:
            kind, text = await reference
        except asyncio.CancelledError:
            # Only by force: a loop that waits for a model would not notice otherwise, and the call would be paid for.
            self._ray.cancel(reference, force=True)
            raise
        except self._ray.exceptions.RayError:  # it may quote what was running, so nothing of it is told
            lost = True
        if lost:
            return Row(case=case, missing="box", usd=None)
        if kind != "row":
            raise (SandboxError if kind == "walls" else InvalidInputError)(text)
        return Row.model_validate_json(text)

    async def close(self) -> None:
        """Leave the cluster, and end one that was started here. What is still running is ended."""
        self._parcel = None
        self._ray.shutdown()


def _negotiation(parcel: str, case: str, make: Maker) -> tuple[str, str]:
    """What a worker does: hold one negotiation, and say what came of it.

    Nothing is raised, for Ray writes errors down: its own would hold a traceback, and a library's any text.
    """
    asked = Case.model_validate_json(case)
    try:
        return "row", _held(parcel, make).hold(asked).model_dump_json()
    except SandboxError as error:  # none of ours holds what is private
        return "walls", str(error)
    except NegboxError as error:
        return "problem", str(error)
    except Exception:  # noqa: BLE001 - see above
        return "row", Row(case=asked, missing="unforeseen", usd=None).model_dump_json()


class _Workplace:
    """What a worker keeps from one negotiation to the next: scenarios made ready, engines, their event loop."""

    def __init__(self, parcel: Parcel, make: Maker) -> None:
        self._loop = asyncio.Runner()
        self._run = make({name: suites.load(name) for name in parcel.suites}, parcel.request())

    def hold(self, case: Case) -> Row:
        """Hold one negotiation. Ray's cancellation comes as Ctrl-C, which cancels it."""

        async def held() -> Row:
            return await self._run(case)

        return self._loop.run(held())


@lru_cache(maxsize=1)
def _held(parcel: str, make: Maker) -> _Workplace:
    return _Workplace(Parcel.model_validate_json(parcel), make)


def _joined(address: str) -> Any:
    """Ray, as part of a cluster."""
    try:
        for name, value in SETTINGS.items():  # read when it is imported, and by the processes that it starts
            os.environ.setdefault(name, value)
        ray = import_module("ray")
    except ImportError:
        ray = None
    if ray is None:
        raise InvalidInputError("--engine ray: Ray is not installed; add the extra: negotiation-box[ray]")
    problem = _unheard(address)
    if problem:
        raise SandboxError(problem)
    with _same_signals():
        try:
            ray.init(
                address=address,
                include_dashboard=False if address == HERE else None,
                log_to_driver=False,
                logging_level=_SILENT,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            problem = type(error).__name__
    if problem:
        raise SandboxError(
            f"--address {address}: no Ray cluster can be joined there ({problem}); start one with 'ray start --head'"
        )
    return ray


def _unheard(address: str) -> str:
    """What is wrong with an address, if anything: Ray itself would try for minutes."""
    if address in {HERE, "auto"}:
        return ""
    host_name, _, port = address.rpartition(":")
    try:
        socket.create_connection((host_name, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return f"--address {address}: nobody answers there; give HOST:PORT of the head, as 'ray start --head' prints it"
    return ""


@contextmanager
def _same_signals() -> Iterator[None]:
    """Ray sets a handler for SIGTERM; ours stays."""
    ours = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if ours else None
    try:
        yield
    finally:
        if ours and before is not None:
            signal.signal(signal.SIGTERM, before)
