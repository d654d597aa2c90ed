"""Prices: from the file, or unknown."""

import tomllib
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

import delegates.models.price
from delegates.models import Price, Usage, parse, price_of

ENTRIES = tomllib.loads(
    Path(delegates.models.price.__file__).with_name("prices.toml").read_text(encoding="utf-8")
)["price"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["model"])
def test_every_price_is_dated_sourced_and_readable(entry: dict[str, str]) -> None:
    assert date.fromisoformat(entry["date"]) <= date.today()
    assert entry["source"]
    price = price_of(parse(entry["model"]))
    assert price is not None
    assert 0 < price.cached_usd <= price.input_usd <= price.output_usd
    assert entry["date"] in price.source


def test_no_model_is_listed_twice() -> None:
    assert len({entry["model"] for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("text", ["openai/gpt-nobody-knows", "openai/gpt-6-luna@http://localhost:1/v1"])
def test_an_unlisted_price_is_unknown(text: str) -> None:
    assert price_of(parse(text)) is None


@pytest.mark.parametrize("text", ["local/x", "scripted/x", "tactic/steady"])
def test_what_runs_here_costs_nothing(text: str) -> None:
    price = price_of(parse(text))
    assert price is not None
    assert price.cost(Usage(10, 5, 10)) == 0


@pytest.mark.parametrize("suffix", ["-20261001", "-2026-10-01"])
def test_a_dated_snapshot_costs_what_its_model_costs(suffix: str) -> None:
    assert price_of(parse(f"openai/gpt-6-luna{suffix}")) == price_of(parse("openai/gpt-6-luna"))


def test_a_cost_is_exact() -> None:
    price = Price(Fraction(1, 10), Fraction(1, 100), Fraction(1, 2))
    usage = Usage(input_tokens=1000, cached_tokens=400, output_tokens=100)
    assert price.cost(usage) == Fraction(600 * 10 + 400 + 100 * 50, 100 * 10**6)


def test_the_price_of_a_longer_prompt_than_listed_is_unknown() -> None:
    price = Price(Fraction(1), Fraction(1), Fraction(1), longest_input=10)
    assert price.cost(Usage(input_tokens=10)) is not None
    assert price.cost(Usage(input_tokens=11)) is None
