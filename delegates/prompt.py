"""Prompt packs: what a delegate says to its model, as a few Markdown templates and a short description.

A pack is a folder with `pack.toml` (name, description, version) and templates (see `template`): `system.md`,
`turn.md` for a turn of alternating offers, `answer.md` for a mediator's text, and `repair.md`. `system.md`
depends only on what stays the same in a negotiation: all requests of a delegate begin with the same text.
`answer.md` may be missing: then the pack's `system.md` was written for alternating offers only, and a delegate
that answers a mediator uses the default pack instead.

Covered: whatever is missing, unknown or never used is named with file and line when the pack is loaded, and a
pack that lets the other side's text pass for ours is refused. Not covered: whether the words are any good.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, TypeAlias

from bargaining.errors import InvalidPromptError
from delegates import template

_LARGEST_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class _Redacted:
    """A prompt holds brief content, so its representation does not."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"


@dataclass(frozen=True, slots=True, repr=False)
class SystemPrompt(_Redacted):
    """The variables of `system.md`. They are the same in a whole negotiation."""

    REQUIRED: ClassVar = frozenset({"role", "counterpart", "issues", "narrative", "mandate"})
    """The variables without which a delegate could not do its work."""

    role: str
    counterpart: str
    title: str
    description: str
    """The agenda's public background; may be empty."""
    issues: tuple[str, ...]
    """One line each, with the values that are possible."""
    rounds: int
    """How many turns each side has, or how many texts there are."""
    message_characters: int
    """The longest message; 0 means that no messages are allowed."""
    narrative: str
    facts_free: tuple[str, ...] = ()
    facts_if_asked: tuple[str, ...] = ()
    facts_never: tuple[str, ...] = ()
    outside_options: tuple[str, ...] = ()
    preferences: str = ""
    """How much each issue matters, with its best and worst value; empty without preferences."""
    mandate: str = ""
    """What the delegate may agree to; empty when it is withheld because the advisor knows it."""
    advised: bool = False
    """Whether each turn brings candidate offers, or each text the advisor's answer."""
    protocol: str = "alternating_offers"
    """Or `single_text`: a mediator's texts are answered with yes or no."""


@dataclass(frozen=True, slots=True, repr=False)
class TurnPrompt(_Redacted):
    """The variables of `turn.md`: one turn at the table."""

    REQUIRED: ClassVar = frozenset({"their_move", "standing", "advice", "last_turn"})
    """The variables without which a delegate could not do its work."""

    round: int
    rounds: int
    last_turn: bool = False
    """Whether nobody will answer this move, so that only an acceptance can still make a deal."""
    seconds_left: int | None = None
    their_move: str = ""
    """What was put on the table since the last turn, messages included; empty if nothing was."""
    standing: str = ""
    """The terms that can be accepted now, as JSON; empty if there are none."""
    advice: tuple[str, ...] = ()
    """Candidate offers as JSON terms, best first; empty without an advisor."""
    advice_accept: bool = False
    """Whether the advisor recommends accepting the standing offer."""
    refusals: tuple[str, ...] = ()
    """Why the referee refused the moves already tried in this turn."""


@dataclass(frozen=True, slots=True, repr=False)
class AnswerPrompt(_Redacted):
    """The variables of `answer.md`: a mediator's text, to be answered with yes or no."""

    REQUIRED: ClassVar = frozenset({"text", "advice"})
    """The variables without which a delegate could not do its work."""

    round: int
    rounds: int
    text: str
    """The terms as JSON."""
    seconds_left: int | None = None
    advice: str = ""
    """What the advisor would answer, `yes` or `no`; empty without an advisor."""


@dataclass(frozen=True, slots=True, repr=False)
class RepairPrompt(_Redacted):
    """The variables of `repair.md`: the last answer could not be used."""

    REQUIRED: ClassVar = frozenset({"reason"})
    """The variables without which a delegate could not do its work."""

    reason: str
    attempts_left: int
    form: str = '{"move": {…}, "message": "…"}'
    """What an answer has to look like."""


Prompt: TypeAlias = SystemPrompt | TurnPrompt | AnswerPrompt | RepairPrompt
"""What one of the templates is filled with."""

_TEMPLATES: Mapping[str, type[Prompt]] = {
    "system.md": SystemPrompt,
    "turn.md": TurnPrompt,
    "repair.md": RepairPrompt,
    "answer.md": AnswerPrompt,
}
FILES = ("pack.toml", *_TEMPLATES)
"""The files of a pack. Others in its folder are ignored."""
OPTIONAL = frozenset({"answer.md"})
"""Those that a pack can do without."""


@dataclass(frozen=True, slots=True)
class PromptPack:
    """Checked templates. Make one with `load`."""

    name: str
    description: str
    version: str
    digest: str
    """SHA-256 over the files: what a statement says about the prompts."""
    sources: Mapping[str, str] = field(repr=False)
    """The text of each file that there is."""

    @classmethod
    def load(cls, name_or_path: str | Path) -> "PromptPack":
        """Read and check a pack.

        Args:
            name_or_path: The name of a shipped pack, or a folder. A shipped name wins; write `./default` for
                a folder that has the same name.

        Raises:
            InvalidPromptError: With every problem that was found, as `file:line: what is wrong`.
        """
        folder, shown = _folder(name_or_path)
        problems: list[str] = []
        present = [name for name in FILES if name not in OPTIONAL or (folder / name).is_file()]
        sources = {name: _read(folder / name, f"{shown}/{name}", problems) for name in present}
        _stop(problems)
        about = _describe(sources["pack.toml"], f"{shown}/pack.toml", problems)
        for name in present[1:]:
            problems += [f"{shown}/{name}:{problem}" for problem in _check(name, sources[name])]
        _stop(problems)
        return cls(**about, digest=_digest(sources), sources=sources)

    def suited(self, protocol: str) -> "PromptPack":
        """This pack, or the default one if this one has no words for the protocol."""
        if protocol == "single_text" and "answer.md" not in self.sources:
            return PromptPack.load("default")
        return self

    def system(self, prompt: SystemPrompt) -> str:
        """The text that every request begins with."""
        return self._fill("system.md", prompt)

    def turn(self, prompt: TurnPrompt) -> str:
        """The text of one turn."""
        return self._fill("turn.md", prompt)

    def answer(self, prompt: AnswerPrompt) -> str:
        """The text that asks about a mediator's text."""
        return self._fill("answer.md", prompt)

    def repair(self, prompt: RepairPrompt) -> str:
        """The text after an answer that could not be used."""
        return self._fill("repair.md", prompt)

    def _fill(self, name: str, prompt: Prompt) -> str:
        filled = template.render(self.sources[name], _values(prompt))
        if isinstance(filled, str):
            return filled.strip()
        raise InvalidPromptError(
            f"{self.name}/{name}:{filled.line}: the template fails in this turn; try 'negbox prompts check'"
        )


def shipped() -> tuple[str, ...]:
    """The names of the packs that come with negotiation-box."""
    folders = resources.files("prompts").iterdir()
    return tuple(sorted(folder.name for folder in folders if folder.joinpath("pack.toml").is_file()))


def create(name: str, directory: Path) -> Path:
    """Start a new pack: a folder with a copy of the default one.

    Raises:
        InvalidPromptError: The name cannot be used, or the folder exists already or cannot be written.
    """
    if not _NAME.fullmatch(name) or name in shipped():
        raise InvalidPromptError(
            "a name has lower-case letters, digits and hyphens, begins with a letter, and is not that of a shipped pack"
        )
    folder = directory / name
    sources = dict(PromptPack.load("default").sources)
    sources["pack.toml"] = f'name = "{name}"\ndescription = "What is special about it"\nversion = "1"\n'
    try:
        folder.mkdir(parents=True)
        for file, text in sources.items():
            (folder / file).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise InvalidPromptError(f"{folder} exists already; choose another name or folder") from None
    except OSError as error:
        raise InvalidPromptError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _folder(name_or_path: str | Path) -> tuple[Traversable, str]:
    if isinstance(name_or_path, str) and name_or_path in shipped():
        return resources.files("prompts") / name_or_path, name_or_path
    path = Path(name_or_path)
    if path.is_dir():
        return path, str(path)
    raise InvalidPromptError(
        f"'{name_or_path}' is neither a shipped prompt pack ({', '.join(shipped())}) nor a folder; "
        "make your own with 'negbox prompts new NAME'"
    )


def _read(file: Traversable, shown: str, problems: list[str]) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE_BYTES + 1)
        if len(data) <= _LARGEST_FILE_BYTES:
            return data.decode("utf-8").replace("\r\n", "\n")
        problems.append(f"{shown}:1: larger than {_LARGEST_FILE_BYTES // 1024} KiB")
    except FileNotFoundError:
        problems.append(
            f"{shown}:1: the file is missing; a pack has {', '.join(n for n in FILES if n not in OPTIONAL)}"
        )
    except OSError as error:
        problems.append(f"{shown}:1: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(f"{shown}:{line}: not UTF-8 text")
    return ""


def _describe(source: str, shown: str, problems: list[str]) -> dict[str, str]:
    keys = ("name", "description", "version")
    try:
        about = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else source.count("\n") + 1
        problems.append(f"{shown}:{line}: not valid TOML")
        return {}
    problems += [
        f'{shown}:{_line_of(key, source)}: needs a line such as: {key} = "…"'
        for key in keys
        if not isinstance(about.get(key), str) or not about[key].strip()
    ]
    if isinstance(name := about.get("name"), str) and name and not _NAME.fullmatch(name):
        problems.append(
            f"{shown}:{_line_of('name', source)}: a name is lower-case letters, digits and hyphens"
        )
    problems += [
        f"{shown}:{_line_of(key, source)}: unknown key; a pack has {', '.join(keys)}"
        for key in about.keys() - set(keys)
    ]
    return {key: str(about.get(key, "")) for key in keys}


def _line_of(key: str, source: str) -> int:
    """The line that sets a TOML key, or 1."""
    found = re.search(rf"^\s*[\[\"']*{re.escape(key)}\b", source, re.MULTILINE)
    return source.count("\n", 0, found.end()) + 1 if found else 1


def _digest(sources: Mapping[str, str]) -> str:
    total = hashlib.sha256()
    for name in sources:  # in the order of FILES
        data = sources[name].encode()
        total.update(f"{name}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def _stop(problems: list[str]) -> None:
    if problems:
        raise InvalidPromptError("\n".join(problems))


def _values(prompt: Prompt) -> dict[str, object]:
    return {item.name: getattr(prompt, item.name) for item in fields(prompt)}


def _check(name: str, source: str) -> list[template.Problem]:
    """Everything that is wrong with a template; what only shows when it is filled, by filling it."""
    variables = _TEMPLATES[name]
    known = {item.name for item in fields(variables)}
    if problems := template.check(source, known, variables.REQUIRED):
        return problems
    for example in _examples(variables):
        filled = template.render(source, _values(example))
        if not isinstance(filled, str):
            return [filled]
        if any(_PROBE in line and not line.startswith("> ") for line in filled.splitlines()):
            line = source.count("\n", 0, source.find("their_move")) + 1
            advice = (
                "their_move is the other side's text: write {{ their_move | quoted }} on a line of its own"
            )
            return [template.Problem(line, advice)]
    return []


_PROBE = "probe-4d1c"


def _examples(variables: type[Prompt]) -> tuple[Prompt, ...]:
    some = ("x", "y")
    theirs = f"{_PROBE}\n{_PROBE}\u2028{_PROBE}"
    if variables is SystemPrompt:
        return (
            SystemPrompt("a", "b", "t", "", ("price",), 1, 0, "n"),
            SystemPrompt("a", "b", "t", "d", some, 9, 400, "n", some, some, some, some, "p", "m", True),
            SystemPrompt("a", "b", "t", "", some, 9, 400, "n", protocol="single_text"),
            SystemPrompt("a", "b", "t", "", some, 9, 400, "n", advised=True, protocol="single_text"),
        )
    if variables is TurnPrompt:
        return (
            TurnPrompt(1, 9),
            TurnPrompt(2, 9, False, None, theirs, "{}", ("{}", "{}"), True),
            TurnPrompt(9, 9, True, 5, theirs, "{}", (), False, some),
        )
    if variables is AnswerPrompt:
        return (
            AnswerPrompt(1, 9, "{}"),
            AnswerPrompt(9, 9, "{}", 5, "yes"),
            AnswerPrompt(2, 9, "{}", None, "no"),
        )
    return RepairPrompt("r", 2), RepairPrompt("r", 0)
