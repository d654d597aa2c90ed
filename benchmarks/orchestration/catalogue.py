"""Who is measured, and where it is installed."""

from dataclasses import dataclass

RAW = "raw_openai"
"""What the ratios are against."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One peer."""

    name: str
    """Of its file in `peers`."""
    title: str
    environment: str | None = None
    """Of its file in `requirements`; None: this interpreter."""


CATALOGUE = (
    Entry("raw_aiohttp", "raw aiohttp loop (floor)"),
    Entry(RAW, "raw OpenAI SDK loop"),
    Entry("box", "**ours**: a box each, advisor, guard, referee"),
    Entry("box_unadvised", "**ours**: a box each, guard, referee"),
    Entry("box_many", "**ours**: as the first, garbage collected less often"),
    Entry("table", "**ours**, below the box: advisor, guard, referee"),
    Entry("langgraph_openai", "LangGraph and OpenAI SDK, as documented"),
    Entry("autogen", "AutoGen, round-robin team", "autogen"),
    Entry("pydantic_ai", "Pydantic AI", "pydantic-ai"),
    Entry("openai_agents", "OpenAI Agents SDK", "openai-agents"),
    Entry("inspect", "Inspect, one sample each", "inspect"),
    Entry("crewai", "CrewAI", "crewai"),
    Entry("negmas_llm", "negmas-llm, threads", "negmas-llm"),
)


def find(name: str) -> Entry:
    """The entry of a name.

    Raises:
        KeyError: There is none.
    """
    return {entry.name: entry for entry in CATALOGUE}[name]
