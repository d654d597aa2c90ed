"""negmas-llm: two of its negotiators in NegMAS's alternating offers, in threads, for it knows no asyncio.

It is AGPL-3.0: only `--setup` installs it, in an environment of its own, and it is no dependency of ours.
"""

# negmas-llm lives in its own environment: mypy does not find it here.
# mypy: disable-error-code="import-not-found"

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.orchestration.job import (
    FREE_MONTHS,
    KEY,
    MODEL,
    MOST_MOVES,
    RENTS,
    SIDES,
    TERMS,
    Result,
    instructions,
)

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a list of prices

from negmas import SAOMechanism, make_issue
from negmas.preferences import LinearAdditiveUtilityFunction
from negmas.preferences.value_fun import AffineFun
from negmas_llm import OpenAINegotiator
from negmas_llm.negotiator import DEFAULT_SYSTEM_PROMPT


class Peer:
    """A thread for each negotiation at a time."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def run(self, cases: Sequence[str], at_once: int) -> Sequence[Result]:
        """Run them in a pool of threads."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(at_once) as pool:
            return await asyncio.gather(
                *(loop.run_in_executor(pool, self._negotiate, case) for case in cases)
            )

    async def close(self) -> None:
        """Nothing to release."""
        return

    def _negotiate(self, case: str) -> Result:
        issues = [
            make_issue((RENTS[0], RENTS[-1]), "rent"),
            make_issue(list(TERMS), "term"),
            make_issue((FREE_MONTHS[0], FREE_MONTHS[-1]), "free_months"),
        ]
        mechanism = SAOMechanism(issues=issues, n_steps=MOST_MOVES)
        for side, sign in zip(SIDES, (1, -1), strict=True):
            rising = [
                AffineFun(sign / RENTS[-1]),
                AffineFun(sign / TERMS[-1]),
                AffineFun(-sign / FREE_MONTHS[-1]),
            ]
            worth = LinearAdditiveUtilityFunction(values=rising, weights=[0.4, 0.3, 0.3], issues=issues)
            mechanism.add(
                OpenAINegotiator(
                    model=MODEL,
                    name=side,
                    api_key=KEY,
                    api_base=self._address,
                    timeout=120,
                    ufun=worth,
                    system_prompt=f"{instructions(case, side)}\n\n{DEFAULT_SYSTEM_PROMPT}",
                    raise_on_parsing_error=True,
                )
            )
        agreement = mechanism.run().agreement
        return Result(agreement is not None, len(mechanism.extended_trace) + (agreement is not None))
