"""The reception: hears whoever comes to a hatch, until somebody hands in two briefs that are sealed to the box.

Covered: several are heard at once, so that one who says nothing keeps nobody waiting; whoever hands in what cannot be
used is told why, and the box stays open. Not covered: what is in a sealed brief, which shows when the box opens it.
"""

import asyncio
from contextlib import suppress
from typing import TypeAlias

from bargaining.errors import InvalidInputError, SandboxError
from sandbox.briefing import DeliveredBriefs
from sandbox.hatch import Caller, Hatch
from sandbox.job import Job
from sandbox.told import Refused

AT_ONCE = 8
"""Callers who are heard at the same time. Others wait until one is done, or its time is up."""

HandedIn: TypeAlias = tuple[Caller, DeliveredBriefs]


async def handed_in(window: Hatch, job: Job) -> HandedIn:
    """Wait for two briefs that are sealed to a box for this job. Whoever else is still being heard is hung up on."""
    door = asyncio.Lock()  # an event loop tells only one waiter that somebody is there
    clerks = [asyncio.ensure_future(_serve(window, job, door)) for _ in range(AT_ONCE)]
    try:
        await asyncio.wait(clerks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for clerk in clerks:
            clerk.cancel()
        await asyncio.wait(clerks)
    first, *others = [clerk.result() for clerk in clerks if not clerk.cancelled()]
    for caller, _ in others:
        caller.close()
    return first


async def _serve(window: Hatch, job: Job, door: asyncio.Lock) -> HandedIn:
    """One caller after the other."""
    while True:
        async with door:
            caller = await window.caller()
        kept = False
        try:
            if briefing := await _heard(caller, job):
                kept = True
                return caller, briefing
        finally:
            if not kept:
                caller.close()


async def _heard(caller: Caller, job: Job) -> DeliveredBriefs | None:
    refusal = ""
    try:
        briefing = DeliveredBriefs(await caller.briefs())
        briefing.check(job)
        return briefing
    except InvalidInputError as error:
        refusal = str(error)
    except SandboxError:  # nobody handed in anything
        pass
    if refusal:
        with suppress(SandboxError):  # it does not wait for the answer
            await caller.finish(Refused(why=refusal))
    return None
