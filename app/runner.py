"""Where the negotiations of an evaluation are held: behind walls, or in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from app.choices import walls_of
from evals.boxed import BoxedRunner
from evals.case import Case, Row
from evals.engines import Engines
from evals.suite import Request, Suite
from evals.sweep import Runner, here
from sandbox import host


@asynccontextmanager
async def runner_of(isolation: str, suites: Mapping[str, Suite], request: Request) -> AsyncIterator[Runner]:
    """Who holds the negotiations. Whatever was started is ended with the block.

    Args:
        isolation: A level, or the strongest.
        suites: By name.
        request: What the user asked for.

    Raises:
        InvalidInputError: There is no such isolation.
        SandboxError: The walls cannot be built here.
        PurgeError: A box could not be wiped.
    """
    engines = Engines()
    outside = here(suites, replace(request, open=engines.open))
    boxed: BoxedRunner | None = None
    if isolation != "none":
        walls = walls_of(isolation, None, host.gather())
        boxed = BoxedRunner(request, [name for name, suite in suites.items() if suite.boxed], walls)

    async def run(case: Case) -> Row:
        if boxed is not None and suites[case.suite].boxed:
            return await boxed(case)
        return await outside(case)

    try:
        yield run
    finally:
        await asyncio.shield(engines.close())
        if boxed is not None:
            boxed.close()
