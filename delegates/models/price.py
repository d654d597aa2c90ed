"""What a call costs, from a dated price file. A price that is not on file is unknown, never zero.

Covered: standard rates per million tokens: fresh input, cached input, output.
Not covered: batch, fast or regional rates, taxes, agreements. A cost is what the file says, not what is
billed.
"""

import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from bargaining.number import exact
from delegates.models.interface import Usage
from delegates.models.spec import ModelSpec

_MILLION = 10**6
_SNAPSHOT = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input_usd: Fraction
    """Fresh input. Where filling the provider's cache is charged too, the dearer of the two."""
    cached_usd: Fraction
    """Input read from the provider's cache."""
    output_usd: Fraction
    longest_input: int | None = None
    """Longer prompts have another price, which is not on file."""
    source: str = ""
    """Where the price was read, and when."""

    def cost(self, usage: Usage) -> Fraction | None:
        """What one call cost in US dollars, or None if its prompt was longer than the price covers."""
        if self.longest_input is not None and usage.input_tokens > self.longest_input:
            return None
        fresh = usage.input_tokens - usage.cached_tokens
        read = fresh * self.input_usd + usage.cached_tokens * self.cached_usd
        return (read + usage.output_tokens * self.output_usd) / _MILLION


FREE = Price(Fraction(0), Fraction(0), Fraction(0), source="runs on this machine")


def price_of(spec: ModelSpec) -> Price | None:
    """The price of a model, or None if it is unknown. A dated snapshot costs what its model costs."""
    if spec.provider in {"local", "scripted", "tactic"}:
        return FREE
    if spec.base_url is not None:
        return None
    prices = _prices()
    return prices.get(f"{spec.provider}/{spec.name}") or prices.get(
        f"{spec.provider}/{_SNAPSHOT.sub('', spec.name)}"
    )


@cache
def _prices() -> dict[str, Price]:
    found = tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
    return {
        entry["model"]: Price(
            input_usd=max(exact(entry["input"]), exact(entry.get("cache_write", "0"))),
            cached_usd=exact(entry["cached"]),
            output_usd=exact(entry["output"]),
            longest_input=entry.get("longest_input"),
            source=f"{entry['source']} ({entry['date']})",
        )
        for entry in found["price"]
    }
