"""The broker: asks models for a box, within what the run is allowed. It holds the keys, prompts and completions.

    python -s -B -m sandbox.broker JOB_FD CHANNEL_FD [READY_FD]

It reads its job from JOB_FD until the end, opens the models, says `ready` on READY_FD, and serves the channel until the
box hangs up. On READY_FD it also says what is wrong with a model, in words of ours. If READY_FD is one end of a socket
pair, it then waits until the other end is closed: a process that is to be wiped must not end by itself.
Exit codes: 0 served, 2 the job cannot be used, 4 out of time, 5 the box broke the rules or something could not be
closed, 70 unforeseen.

Covered: whatever the box says, only models of the job are asked, with fields that are known, within the limits on
requests, tokens, prompts (whole ones, whatever of them was said before), replies and time; one question at a time for
each model, and a short queue; the sides share no connection. Retries happen
here. Providers' errors come back as a kind without text. Nothing is logged: the outputs lead nowhere, and the
environment is emptied of all that a library could listen to.
Not covered: what a provider keeps; what the box tells a provider through its prompts, and when; attempts inside a retry
(at most `RetryPolicy.attempts`, twice that for a server without schemas), which a provider may charge for. Whoever
runs the machine can look into this process.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NoReturn

from bargaining.errors import (
    InvalidInputError,
    LimitReachedError,
    ModelReplyError,
    ModelTransientError,
    ModelUnavailableError,
    PurgeError,
    SandboxError,
)
from delegates.models.interface import Model
from delegates.models.spec import open_model
from sandbox import frame
from sandbox.allowance import Allowance, BrokerJob, Tally
from sandbox.channel import Connection
from sandbox.message import LARGEST_QUESTION_BYTES, QUESTIONS, Ask, Cancel, Failure, Kind, Reply
from sandbox.side import Sides
from sandbox.transcript import MOST_TURNS, Heard, Transcript
from sandbox.warmup import Harden, Needs, warm_up

__all__ = ["Allowance", "Broker", "BrokerJob", "Harden", "main"]

QUEUE = 8
"""How many questions may wait for one model."""
CLOSING_SECONDS = 5.0
MOST_COMPLAINTS = 64
LONGEST_COMPLAINT = 400
_KEPT_VARIABLES = {"HOME", "LANG", "NEGBOX_WEIGHTS", "PATH", "RAYON_NUM_THREADS", "XDG_DATA_HOME"}
"""Where weights and programs are, and how many cores to use. No proxies, log levels, key logs or tracing."""


class Broker:
    """Asks models for one box.

    Args:
        models: What may be asked. Closed at the end of `serve`.
        allowance: How much.
        complain: Called with what is wrong with a model, in our own words: they name a host and a status. For whoever
            started the broker, not for the box.
        again: Opens a model of the list once more, with connections of its own; None: there are none to keep apart.
    """

    def __init__(
        self,
        models: Sequence[Model],
        allowance: Allowance,
        complain: Callable[[str], None] = lambda _: None,
        again: Callable[[int], Model | None] = lambda _: None,
    ) -> None:
        self._complain = complain
        self._models = tuple(models)
        self._sides = Sides(models, again, allowance.sides)
        self._allowance = allowance
        self._tally = Tally(allowance.tokens)
        self._turns = [asyncio.Lock() for _ in models]
        self._present = [0 for _ in models]
        self._heard = Heard()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._messages = self._requests = self._last = 0

    async def serve(self, connection: Connection) -> None:
        """Answer until the box hangs up or breaks the rules, or the time is over; then close everything.

        Raises:
            LimitReachedError: The time is over.
            SandboxError: The box broke the rules.
            PurgeError: A model could not be closed.
        """
        clock = asyncio.timeout(self._allowance.seconds)
        try:
            async with clock:
                while (question := await connection.receive(QUESTIONS, LARGEST_QUESTION_BYTES)) is not None:
                    self._messages += 1
                    # each question may be cancelled once, and the first that is too many is still refused politely
                    if self._messages > 2 * self._allowance.requests + 2:
                        raise SandboxError("the box asked on after it was refused")
                    await self._take(question, connection)
        except TimeoutError:
            pass
        finally:
            await self._close(connection)
        if clock.expired():
            raise LimitReachedError("the broker's time is over: allow the run more seconds")

    async def _take(self, question: Ask | Cancel, connection: Connection) -> None:
        match question:
            case Cancel(id=number):
                if number > self._last:
                    raise SandboxError("the box cancelled what it had not asked")
                if task := self._running.get(number):
                    task.cancel()
            case Ask(id=number):
                if number <= self._last:
                    raise SandboxError("the box used a number twice")
                self._last = number
                self._requests += 1
                asked = self._heard.extended(question)
                if refusal := self._refusal(asked):
                    # sent from here, so that a box that does not read what it is told is not listened to either
                    with suppress(SandboxError):
                        await connection.send(Failure(id=number, kind=refusal))
                    return
                self._heard.keep(question.conversation, asked)
                self._present[asked.model] += 1
                task = asyncio.create_task(self._answer(number, asked, connection))
                self._running[number] = task
                task.add_done_callback(lambda _: self._answered(number, asked.model))

    def _answered(self, number: int, model: int) -> None:
        self._running.pop(number, None)
        self._present[model] -= 1

    def _refusal(self, asked: Transcript) -> Kind | None:
        """Why a question is not put to its model, if it is not."""
        if asked.model >= len(self._models):
            return "ModelUnavailableError"
        allowed = self._allowance
        if self._requests > allowed.requests or asked.request.max_tokens > allowed.max_tokens:
            return "LimitReachedError"
        if asked.prompt_bytes > allowed.prompt_bytes or len(asked.request.turns) > MOST_TURNS:
            return "LimitReachedError"
        if self._present[asked.model] > QUEUE:
            return "ModelTransientError"
        return None if self._sides.model(asked) else "LimitReachedError"

    async def _answer(self, number: int, asked: Transcript, connection: Connection) -> None:
        """Put a question to its model and send back what comes of it."""
        answer = await self._asked(number, asked)
        with suppress(SandboxError):  # the box has gone
            try:
                await connection.send(answer)
            except ValueError:  # too large
                await connection.send(Failure(id=number, kind="ModelReplyError"))

    async def _asked(self, number: int, asked: Transcript) -> Reply | Failure:
        kind: Kind = "ModelUnavailableError"
        wait: float | None = None
        try:
            model = self._sides.model(asked)
            assert model is not None, "it was looked for before"
            async with self._turns[asked.model]:
                completion = await self._tally.ask(model, asked.request)
            return Reply.of(number, completion)
        except ModelTransientError as error:
            kind, wait = "ModelTransientError", error.retry_after_seconds
            self._complain(str(error))
        except ModelReplyError as error:
            kind = "ModelReplyError"
            self._complain(str(error))
        except ModelUnavailableError as error:
            self._complain(str(error))
        except LimitReachedError:
            kind = "LimitReachedError"
        except asyncio.CancelledError:
            raise
        except BaseException:  # noqa: BLE001, S110 - it could hold a prompt; a panic in Rust is no Exception
            pass
        return Failure.of(number, kind, wait)

    async def _close(self, connection: Connection) -> None:
        await connection.close()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        closing = asyncio.gather(
            *running, *(model.close() for model in self._sides.opened), return_exceptions=True
        )
        done, _ = await asyncio.wait([closing], timeout=CLOSING_SECONDS)
        outcomes = closing.result()[len(running) :] if done else [TimeoutError()]
        if any(isinstance(outcome, BaseException) for outcome in outcomes):
            raise PurgeError(
                "a model could not be closed: what it holds may still be in memory; end its process"
            )


class Complaints:
    """Tells whoever started the broker what is wrong with a model: the first few times, so that nobody is waited for.

    Args:
        line: Where to; None: nowhere.
    """

    def __init__(self, line: int | None) -> None:
        self._line = line
        self._left = MOST_COMPLAINTS

    def __call__(self, text: str) -> None:
        """Write one line of ASCII."""
        if self._line is None or not self._left:
            return
        self._left -= 1
        with suppress(OSError):
            os.write(
                self._line, " ".join(text.split()).encode("ascii", "replace")[:LONGEST_COMPLAINT] + b"\n"
            )


def main(arguments: Sequence[str], harden: Harden | None = None) -> NoReturn:
    """Be the broker. Ends the process.

    Args:
        arguments: The numbers of the inherited files, see above.
        harden: Closes the process, if the job asks for it.
    """
    code = 70
    try:
        _silence()
        job_fd, channel_fd, *line = map(int, arguments)
        job = BrokerJob.read(job_fd)
        needs = asyncio.run(warm_up(job.models))
        code = asyncio.run(_run(job, needs, channel_fd, line[0] if line else None, harden))
    except InvalidInputError:
        code = 2
    except SandboxError:
        code = 5
    except BaseException:  # noqa: BLE001, S110 - nobody is told more than the code
        pass
    finally:
        os._exit(code)


async def _run(
    job: BrokerJob, needs: Needs, channel_fd: int, line: int | None, harden: Harden | None
) -> NoReturn:
    """Serve, and end the process from within: the event loop's own end would wait for threads that look up names."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    connection = await Connection.open(channel_fd)

    def opened(spec: str) -> Model:
        return open_model(spec, seed=job.seed, timeout_seconds=job.call_seconds, environment=job.keys)

    def again(number: int) -> Model | None:
        """One that is here has no connections, and an embedded engine is large."""
        return opened(job.models[number]) if number in needs.remote else None

    models = [opened(spec) for spec in job.models]
    if job.harden:
        if harden is None:
            raise SandboxError("this broker knows no way to close itself: start it as a process")
        role: Literal["broker", "engine"] = "engine" if needs.weights else "broker"
        harden(network_ports=needs.ports, read=needs.weights, role=role)
    if line is not None:
        os.write(line, b"ready\n")
    code = 0
    try:
        await Broker(models, job.limits, Complaints(line), again).serve(connection)
    except LimitReachedError:
        code = 4
    except SandboxError:
        code = 5
    except BaseException:  # noqa: BLE001 - as in `main`, and it must not end before it is wiped
        code = 70
    if line is not None:
        frame.wait_for_end(line)
    os._exit(code)


def _silence() -> None:
    """Let nothing be printed or logged from here on, by anybody."""
    logging.disable(logging.CRITICAL)
    for variable in set(os.environ) - _KEPT_VARIABLES:
        del os.environ[variable]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    if nowhere > 2:
        os.close(nowhere)


def _close_process(
    *, network_ports: Collection[int], read: Collection[Path], role: Literal["broker", "engine"]
) -> None:
    from sandbox.isolation.harden import harden  # noqa: PLC0415 - only a real broker needs it

    harden(network_ports=network_ports, read=read, role=role)


if __name__ == "__main__":
    main(sys.argv[1:], _close_process)
