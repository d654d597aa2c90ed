"""`negbox run`: seats both sides, runs the negotiation, shows and writes the result."""

import asyncio
import json
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console

from app import exits, protocol
from app.choices import Options, limits_of, say_what_prompts_are_used, seat_both, walls_of
from app.progress import ProgressView, shown
from app.results import AGREEMENT, OFFERS, STATEMENT, writable, write_all
from app.shown_result import panel, summary
from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError, LimitReachedError, UnforeseenError
from delegates.budget import Budget
from delegates.models.spec import ModelSpec, parse
from delegates.scenario import Outline, Scenario, load
from graphs.state import Progress
from institutions import signature
from institutions.keys import HostKey
from sandbox import host, scenario_file
from sandbox.box import Box, Released, Seat
from sandbox.identity import Assurance
from sandbox.isolation.interface import Isolation
from sandbox.policy import Policy
from sandbox.scenario_file import ScenarioFile
from sandbox.supervisor import WalledBox

REFUSED_BY_LANGGRAPH = ("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER")
"""Old switches for tracing: while one is set no graph runs, although tracing is off here in any case."""


def run_scenario(name: str, options: Options) -> int:
    """Run a scenario, show and write its result.

    Returns:
        The exit code: 0 for an agreement or no deal, otherwise what cut the run short.

    Raises:
        InvalidInputError: The run could not start.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold both briefs
    for variable in REFUSED_BY_LANGGRAPH:
        os.environ.pop(variable, None)
    policy = _policy(options)
    with ExitStack() as sealer:
        walls, source = _source(name, options, policy, sealer)
        outline = source if isinstance(source, Scenario) else source.outline
        seats = seat_both(outline, options)
        models = [seat.model for seat in seats.values()]
        if options.mediator is not None:
            models.append(parse(options.mediator))
        agenda = protocol.follow(outline.agenda, options.protocol, options.rounds, models)
        agenda = policy.narrowed(agenda) if policy else agenda
        mediator = protocol.mediator(options.mediator, agenda.protocol)
        say_what_prompts_are_used(seats, agenda.protocol)
        if options.keep_offers:
            _check_keeping(outline, agenda, options)
        limits = limits_of(options)
        budget = Budget(policy.limited(limits) if policy else limits)
        start = _prepared(source, walls, agenda, seats, budget, mediator, options, policy)
        directory = writable(options.out)
        key = HostKey.load_or_create() if directory is not None and walls else None
        errors = Console(stderr=True)
        view = ProgressView(budget)
        quiet = options.quiet or options.as_json or (policy is not None and policy.progress == "none")
        with shown(view, errors, quiet=quiet) as observe:
            released = _run_interruptibly(start, observe)
    try:
        if directory:
            files = {AGREEMENT: released.agreement, STATEMENT: _signed(released, key)}
            if released.offers is not None:
                files[OFFERS] = released.offers
            write_all(directory, files)
    finally:  # a result that could not be written is still shown
        if options.as_json:
            sys.stdout.write(json.dumps(summary(released, agenda, budget, view)) + "\n")
        else:
            Console().print(panel(released, agenda, budget, view, directory))
    return _report(released.error)


def _policy(options: Options) -> Policy | None:
    if options.policy is None:
        return None
    if options.isolation == "none":
        raise InvalidInputError("--policy: it is about a box; leave out --isolation none")
    return Policy.load(Path(options.policy))


def _source(
    name: str, options: Options, policy: Policy | None, sealer: ExitStack
) -> tuple[Isolation | None, Scenario | ScenarioFile]:
    """The walls, if there are any, and the scenario: behind walls it is in the hands of a sealer, else read here."""
    if options.isolation == "none":
        return None, load(name)
    facts = host.gather()
    walls = walls_of(options.isolation, policy, facts)
    if options.keep_offers:
        raise InvalidInputError("--keep-offers: nothing but the result leaves a box; add --isolation none")
    return walls, sealer.enter_context(scenario_file.opened(walls, name, facts))


def _prepared(
    source: Scenario | ScenarioFile,
    walls: Isolation | None,
    agenda: Agenda,
    seats: Mapping[str, Seat],
    budget: Budget,
    mediator: ModelSpec | None,
    options: Options,
    policy: Policy | None,
) -> Callable[[Callable[[Progress], None]], Awaitable[Released]]:
    """The run, checked as far as can be before anything is spent."""
    seed = options.seed
    if isinstance(source, Scenario) or walls is None:
        assert isinstance(source, Scenario)
        plain = Box(seats, budget, seed=seed, mediator=mediator, keep_offers=options.keep_offers)
        plain.check(agenda, source.briefs)
        return partial(plain.run, agenda, source.briefs)
    assurance: Assurance = "operator" if options.out is not None else "none"  # what is written is signed
    box = WalledBox(seats, budget, walls, seed=seed, mediator=mediator, assurance=assurance, policy=policy)
    box.check(agenda, source)
    return partial(box.run, agenda, source)


def _check_keeping(outline: Outline, agenda: Agenda, options: Options) -> None:
    if not outline.synthetic:
        raise InvalidInputError(
            "--keep-offers: offers tell about the briefs, so they are kept for made-up scenarios only; "
            "if all of this one is made up, write `synthetic: true` at the top level of its file"
        )
    if options.out is None:
        raise InvalidInputError("--keep-offers: there is no folder to keep them in; add --out DIR")
    if agenda.protocol != "alternating_offers":
        raise InvalidInputError(
            "--keep-offers: a mediator's texts are not offers; leave it out, or use --protocol alternating_offers"
        )


def _run_interruptibly(
    start: Callable[[Callable[[Progress], None]], Awaitable[Released]], observe: Callable[[Progress], None]
) -> Released:
    """Run; Ctrl-C and a request to end cancel it, and it releases a no deal."""

    async def run() -> Released:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(start(observe))
        with exits.interruptible(lambda: loop.call_soon_threadsafe(task.cancel)) as received:
            try:
                return await task
            except asyncio.CancelledError:  # before the box was open: there is no result
                if not received:
                    raise
        raise KeyboardInterrupt

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        exits.say("Interrupted: no deal. Nothing was kept.")
        raise


def _report(error: BaseException | None) -> int:
    match error:
        case None:
            return exits.OK
        case asyncio.CancelledError():
            exits.say("Interrupted: no deal. Nothing else was kept.")
            return exits.INTERRUPTED
        case LimitReachedError():
            exits.say(f"negbox: {error}. The result is a no deal.")
        case UnforeseenError():
            exits.say(f"negbox: {error}. {exits.UNFORESEEN_ADVICE}")
        case _:
            exits.say(f"negbox: {error}")
    return exits.code_of(error)


def _signed(released: Released, key: HostKey | None) -> bytes:
    """The statement; behind walls it is the operator's word, and so signed."""
    said = released.statement
    return said if key is None else signature.sign(said, signature.IN_TOTO_TYPE, key)
