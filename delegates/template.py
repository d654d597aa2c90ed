"""Strict templates: Jinja2 that can reach nothing but its variables and names whatever is missing.

Covered: a syntax error, an unknown variable or filter, and a variable that is never used are found without
filling the template; `quoted` keeps text from elsewhere apart; no error holds a value. Not covered: a
template that loops for very long.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template, and where."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.line}: {self.text}"


def check(source: str, known: Set[str], required: Set[str]) -> list[Problem]:
    """Everything that is wrong with a template, without filling it.

    Args:
        source: The template.
        known: The variables that there are.
        required: Those that it has to use.
    """
    from jinja2 import TemplateSyntaxError, meta, nodes  # noqa: PLC0415  # see _environment

    environment = _environment()
    try:
        tree = environment.parse(source)
        environment.compile(tree)
    except TemplateSyntaxError as error:
        return [Problem(error.lineno, f"not a valid template: {error.message}")]
    first: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            first[name.name] = min(name.lineno, first.get(name.name, name.lineno))
    links = tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))
    problems = [Problem(link.lineno, "a template cannot read another one") for link in links]
    for unknown in meta.find_undeclared_variables(tree) - known:
        near = get_close_matches(unknown, known, n=1)
        advice = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known))}"
        problems.append(Problem(first.get(unknown, 1), f"unknown variable '{unknown}'; {advice}"))
    last = source.count("\n") + 1
    problems += [Problem(last, f"never uses the variable '{name}'") for name in required - first.keys()]
    return sorted(problems, key=lambda problem: (problem.line, problem.text))


def render(source: str, values: Mapping[str, object]) -> str | Problem:
    """Fill a template.

    Returns:
        The text, or the problem if the template fails. Nothing is raised, because an exception of Jinja2
        holds the values in its text and in its frames.
    """
    template = _template(source)
    try:
        return template.render(values)
    except Exception as error:  # noqa: BLE001  # a template can raise anything
        line, trace = 1, error.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_filename == "<template>":
                line = trace.tb_lineno
            trace = trace.tb_next
    return Problem(line, "cannot be filled: an attribute, an operation or an argument that does not fit")


def quoted(text: object) -> str:
    """Put `> ` before every line, so that text from the other side cannot pass for ours."""
    return "\n".join(f"> {line}" for line in str(text).splitlines())


@cache
def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined  # noqa: PLC0415  # 60 ms, and few commands fill a template
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # Markdown for a model, not HTML for a browser
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    del environment.filters["random"]  # the same values always give the same text
    environment.filters["quoted"] = quoted
    return environment


@cache
def _template(source: str) -> "Template":
    return _environment().from_string(source)
