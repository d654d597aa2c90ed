"""Ours: the suite `defection` as `negbox eval run` holds it, guarded, a model on either side, a row for each."""

import asyncio
import itertools
import tempfile
from pathlib import Path

from benchmarks.evaluation.measure import Job
from benchmarks.orchestration import scenario
from benchmarks.orchestration.job import MODEL, MOVES
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import Scenario
from evals import store, suites
from evals.case import Case, Row
from evals.suite import Request
from evals.sweep import Standing, sweep

SUITE, ARM = "defection", "guarded"


def run(job: Job) -> None:
    """Sweep. Each negotiation must end in agreement after as many calls as it has moves."""
    model = parse(f"openai/{MODEL}@{job.address}")
    pack = PromptPack.load("default")
    request = Request(
        models=[model],
        against=[model],
        prompts={pack.name: pack},
        scenarios={"workshop": Scenario(scenario.agenda(), {}, {}, True, scenario.briefs("workshop"))},
        epochs=job.count,
    )
    suite = suites.load(SUITE)
    cases = [case for case in suite.cases(request) if case.arm == ARM and case.model == model.public]
    cases = list(itertools.islice(cases, job.count))

    async def hold(case: Case) -> Row:
        return await suite.run(case, request)

    def observe(standing: Standing) -> None:
        job.done(standing.done)

    with (
        tempfile.TemporaryDirectory(dir=job.scratch) as folder,
        store.opened(Path(folder), {}, resume=False) as rows,
    ):
        asyncio.run(sweep(cases, hold, rows, concurrency=job.at_once, observe=observe))
        wrong = [row for row in rows.rows if row.verdicts.get("agreed") != "yes" or row.calls != MOVES]
        if wrong or len(rows.rows) != job.count:
            raise SystemExit(f"{len(wrong)} of {len(rows.rows)} are no agreement after {MOVES} moves")
