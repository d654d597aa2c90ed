"""Where the negotiations of an evaluation are held: behind walls, or in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from app.choices import STRONGEST, walls_of
from bargaining.errors import InvalidInputError
from evals.boxed import BoxedRunner
from evals.case import Case, Row
from evals.engines import Engines
from evals.parcel import Parcel
from evals.suite import Request, Suite
from evals.sweep import Runner, here
from sandbox import host


@asynccontextmanager
async def runner_of(
    isolation: str,
    suites: Mapping[str, Suite],
    request: Request,
    *,
    engine: str = "local",
    address: str | None = None,
) -> AsyncIterator[Runner]:
    """Who holds the negotiations. Whatever was started is ended with the block.

    Args:
        isolation: A level, or the strongest.
        suites: By name.
        request: What the user asked for.
        engine: `local`, or `ray`.
        address: Of the cluster.

    Raises:
        InvalidInputError: There is no such isolation, or engine.
        SandboxError: The walls cannot be built here.
        PurgeError: A box could not be wiped.
    """
    if engine not in {"local", "ray"}:
        raise InvalidInputError("--engine: there are local and ray")
    if engine == "ray":
        from evals.cluster import HERE, RayRunner, in_boxes  # noqa: PLC0415 - what Ray needs is heavy

        if isolation not in {"none", STRONGEST}:
            raise InvalidInputError(
                f"--isolation {isolation}: with --engine ray each worker builds the strongest walls that it can; "
                "leave it out"
            )
        make = here if isolation == "none" else in_boxes
        cluster = RayRunner(Parcel.of(request, list(suites)), address=address or HERE, make=make)
        try:
            yield cluster
        finally:
            await asyncio.shield(cluster.close())
        return
    if address is not None:
        raise InvalidInputError("--address: of a cluster; add --engine ray")
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
