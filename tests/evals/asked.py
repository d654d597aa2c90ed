"""What is asked of a suite when a function plays the models, and the rows that come of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from delegates.models.interface import Model
from delegates.models.interface import Request as Question
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import ModelSpec, parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals.case import Row
from evals.suite import Request, Suite

Reply = Callable[[Question], str]


def request(
    reply: Reply | Exception | Mapping[str, Reply],
    scenarios: Sequence[str] = ("used-truck",),
    models: Sequence[str] = ("scripted/m",),
    against: Sequence[str] = (),
    epochs: int = 1,
) -> Request:
    """A request to which one function replies for all models, or one for each name of a model."""

    def opened(spec: ModelSpec, seed: int) -> Model:
        said = reply[spec.name] if isinstance(reply, Mapping) else reply
        return ScriptedModel([said], cycle=True, spec=str(spec))

    return Request(
        [parse(model) for model in models],
        {"default": PromptPack.load("default")},
        {name: load(name) for name in scenarios},
        [parse(spec) for spec in against],
        epochs=epochs,
        open=opened,
    )


def rows_of(suite: Suite, asked: Request, *arms: str) -> list[Row]:
    """The rows of all cases, or of those of some arms."""

    async def go() -> list[Row]:
        cases = [case for case in suite.cases(asked) if not arms or case.arm in arms]
        return list(await asyncio.gather(*(suite.run(case, asked) for case in cases)))

    return asyncio.run(go())
