"""What a mediator with a language model is told: two shipped templates, filled from public facts and answers.

Covered: the templates are checked when they are loaded. Not covered: packs of one's own; a mediator serves both
sides, so neither chooses its words.
"""

import hashlib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources

from bargaining.errors import InvalidPromptError
from delegates import template

_FILES = ("system.md", "propose.md")


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The variables of `system.md`. All of them are public."""

    roles: tuple[str, str]
    title: str
    description: str
    issues: tuple[str, ...]
    """One line each, with the values that are possible."""
    rounds: int


@dataclass(frozen=True, slots=True)
class Answered:
    """One text and what both sides said to it."""

    number: int
    """The round in which it was proposed."""
    text: str
    """The terms as JSON."""
    said: tuple[str, ...]
    """One line for each side."""

    def __repr__(self) -> str:
        return "<Answered: redacted>"


@dataclass(frozen=True, slots=True)
class ProposePrompt:
    """The variables of `propose.md`: one round."""

    round: int
    rounds: int
    answers: tuple[Answered, ...] = ()
    """What was answered since the last round."""
    draft: str = ""
    """The best text that both sides have signed, as JSON; empty if there is none."""
    replaced: str = ""
    """Why the last proposal was not used; empty if it was."""
    seconds_left: int | None = None

    def __repr__(self) -> str:
        return "<ProposePrompt: redacted>"


class MediatorPrompts:
    """The shipped templates.

    Raises:
        InvalidPromptError: One of them uses a variable that does not exist.
    """

    name = "mediator"

    def __init__(self) -> None:
        folder = resources.files("prompts") / "mediator"
        self._sources = {name: (folder / name).read_text(encoding="utf-8") for name in _FILES}
        for name, kind in zip(_FILES, (SystemPrompt, ProposePrompt), strict=True):
            known = {item.name for item in fields(kind)}
            if problems := template.check(self._sources[name], known, frozenset()):
                raise InvalidPromptError(f"mediator/{name}:{problems[0]}")

    @property
    def digest(self) -> str:
        """SHA-256 over the files: what a statement says about the prompts."""
        total = hashlib.sha256()
        for name, source in self._sources.items():
            data = source.encode()
            total.update(f"{name}\0{len(data)}\0".encode() + data)
        return total.hexdigest()

    def system(self, prompt: SystemPrompt) -> str:
        """The text that every request begins with."""
        return self._fill("system.md", prompt)

    def propose(self, prompt: ProposePrompt) -> str:
        """The text of one round."""
        return self._fill("propose.md", prompt)

    def _fill(self, name: str, prompt: SystemPrompt | ProposePrompt) -> str:
        filled = template.render(
            self._sources[name], {item.name: getattr(prompt, item.name) for item in fields(prompt)}
        )
        if isinstance(filled, str):
            return filled.strip()
        raise InvalidPromptError(f"mediator/{name}:{filled.line}: the template fails")


@cache
def shipped() -> MediatorPrompts:
    """The shipped templates, read once: a box cannot read files once it is closed."""
    return MediatorPrompts()
