"""Inspect: a task with a sample for each negotiation and a solver that lets two sides talk, its log included."""

# Inspect lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import tempfile
from collections.abc import Sequence
from typing import Any

from inspect_ai import Task, eval_async
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ResponseSchema,
    get_model,
)
from inspect_ai.scorer import Score, accuracy, scorer
from inspect_ai.solver import solver
from inspect_ai.util import json_schema
from inspect_ai.util._display import init_display_type

from benchmarks.orchestration.job import KEY, MODEL, MOST_MOVES, OPENING, SIDES, Result, instructions
from benchmarks.orchestration.peers.offer import Offer


class Peer:
    """Brings its own scheduler, so a batch of negotiations is one call."""

    def __init__(self, address: str) -> None:
        init_display_type("none")
        self._address = address
        self._logs = tempfile.TemporaryDirectory(prefix="inspect-logs-")

    async def run(self, cases: Sequence[str], at_once: int) -> Sequence[Result]:
        """One evaluation with as many samples as cases."""
        connections = max(at_once, 10)
        model = get_model(
            f"openai/{MODEL}",
            base_url=self._address,
            api_key=KEY,
            responses_api=False,
            memoize=False,
            config=GenerateConfig(max_connections=connections),
        )
        samples = [Sample(input=OPENING, id=case, metadata={"case": case}) for case in cases]
        (log,) = await eval_async(
            Task(dataset=MemoryDataset(samples), solver=negotiation(model), scorer=agreed()),
            model=model,
            log_dir=self._logs.name,
            log_level="error",
            max_samples=at_once,
            max_connections=connections,
        )
        scores = [next(iter(sample.scores.values())) for sample in log.samples or ()]
        return [Result(score.value == 1, score.metadata["moves"]) for score in scores]

    async def close(self) -> None:
        """Remove the logs."""
        self._logs.cleanup()


@solver
def negotiation(model: Any) -> Any:
    """Two conversations with one model."""

    async def solve(state: Any, generate: Any) -> Any:  # noqa: ARG001  (Inspect's signature)
        case = state.metadata["case"]
        form = ResponseSchema(name="move", json_schema=json_schema(Offer), strict=True)
        talk: list[list[Any]] = [[ChatMessageSystem(content=instructions(case, side))] for side in SIDES]
        talk[0].append(ChatMessageUser(content=OPENING))
        for number in range(MOST_MOVES):
            mover = number % 2
            output = await model.generate(talk[mover], config=GenerateConfig(response_schema=form))
            talk[mover].append(output.message)
            talk[1 - mover].append(ChatMessageUser(content=output.completion))
            state.output, state.metadata["moves"] = output, number + 1
            if Offer.model_validate_json(output.completion).action == "accept":
                state.metadata["agreed"] = True
                break
        return state

    return solve


@scorer(metrics=[accuracy()])
def agreed() -> Any:
    """Whether it ended in an agreement."""

    async def score(state: Any, target: Any) -> Any:  # noqa: ARG001  (Inspect's signature)
        return Score(
            value=int(state.metadata.get("agreed", False)), metadata={"moves": state.metadata["moves"]}
        )

    return score
