"""Inspect: the same two sides as a task with a sample for each negotiation, its log included; no cache."""

# Inspect lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import os
import tempfile
from typing import Any

os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(dir=".")  # what it keeps beside the log goes with the rest

from inspect_ai import Task, eval  # noqa: A004
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log_sample_summaries
from inspect_ai.model import GenerateConfig, get_model

from benchmarks.evaluation.measure import Job
from benchmarks.orchestration.job import KEY, MODEL, MOVES, OPENING
from benchmarks.orchestration.peers.inspect import agreed, negotiation


def run(job: Job) -> None:
    """One evaluation. Each negotiation must end in agreement after as many moves."""
    connections = max(job.at_once, 10)
    model = get_model(
        f"openai/{MODEL}",
        base_url=job.address,
        api_key=KEY,
        responses_api=False,
        memoize=False,
        config=GenerateConfig(max_connections=connections),
    )
    samples = [Sample(input=OPENING, id=f"n{n}", metadata={"case": f"n{n}"}) for n in range(job.count)]
    flags: dict[str, Any] = {} if job.logged else {"log_samples": False, "log_realtime": False}
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        (log,) = eval(
            Task(dataset=MemoryDataset(samples), solver=negotiation(model), scorer=agreed()),
            model=model,
            log_dir=folder,
            log_level="error",
            display="none",
            max_samples=job.at_once,
            max_connections=connections,
            **flags,
        )
        if log.status != "success" or log.results is None or log.results.completed_samples != job.count:
            raise SystemExit(f"it ended with {log.status}")
        found = log.results.scores[0].metrics["accuracy"].value
        if found != 1:
            raise SystemExit(f"only {found:.0%} are agreements after {MOVES} moves")
        if job.logged and len(read_eval_log_sample_summaries(log.location)) != job.count:
            raise SystemExit("the log does not hold all samples")
