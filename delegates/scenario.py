"""Scenarios: an agenda and its briefs, read from YAML files.

One file holds everything for one person who tries things; for two parties, the agenda and each brief are
files of their own. Either way a problem is named with file, line, field and what was expected, never with the
value that was found.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from bargaining.agenda import Agenda
from bargaining.errors import InvalidInputError
from bargaining.mandate import BoundMandate
from bargaining.utility import UtilityFunction
from delegates.brief import Brief
from delegates.complaint import complaints
from delegates.document import Document, Place, opened, read, read_stream

if TYPE_CHECKING:
    from bargaining.problem import BargainingProblem

_MOST_SHOWN = 10
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")

_Read = TypeVar("_Read", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Outline:
    """All of a scenario but its briefs: an agenda, and who is to be played by what."""

    agenda: Agenda = field(repr=False)
    models: Mapping[str, str] = field(repr=False)
    """Model specs by role; a role may be missing."""
    prompts: Mapping[str, str] = field(repr=False)
    """Prompt packs by role, a shipped name or a folder; a role may be missing."""
    synthetic: bool
    """Whether all of it is made up, so that what tells about the briefs, such as offers, may be kept."""


@dataclass(frozen=True, slots=True)
class Scenario(Outline):
    """An outline, and a brief for each role."""

    briefs: Mapping[str, Brief] = field(repr=False)
    """One for each role of the agenda, in the agenda's order."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    agenda: Agenda
    briefs: dict[str, Brief]
    models: dict[str, str] = {}
    prompts: dict[str, str] = {}
    synthetic: StrictBool = False


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that come with negotiation-box."""
    files = (Path(file.name) for file in resources.files("scenarios").iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".yaml"))


def load(file: str | Path) -> Scenario:
    """Read a scenario from a file, or a shipped one by its name.

    Raises:
        InvalidInputError: With up to ten problems, one a line.
    """
    with found(file) as (stream, name):
        return load_stream(stream, name)


@contextmanager
def found(file: str | Path) -> Iterator[tuple[BinaryIO, str]]:
    """Open the file of a scenario, or of a shipped one by its name. Nothing is read from it yet.

    Yields:
        The open file, and what messages call it.

    Raises:
        InvalidInputError: It cannot be opened.
    """
    if isinstance(file, str) and file in shipped():
        name = f"{file}.yaml"
        with resources.as_file(resources.files("scenarios") / name) as path, opened(path, name) as stream:
            yield stream, name
        return
    with opened(Path(file), str(file)) as stream:
        yield stream, str(file)


def load_stream(stream: BinaryIO, name: str) -> Scenario:
    """Read a scenario from an open file.

    Args:
        stream: The file.
        name: What messages call it.

    Raises:
        InvalidInputError: With up to ten problems, one a line.
    """
    return _scenario(read_stream(stream, name))


def bind(scenario: Scenario) -> tuple[Mapping[str, UtilityFunction], Mapping[str, BoundMandate]]:
    """What the outcomes are worth to each side, and its mandate; both by role, in the agenda's order.

    Raises:
        InvalidInputError: A brief has no preferences, or does not fit the agenda.
    """
    utilities, mandates = {}, {}
    for role, brief in scenario.briefs.items():
        utility, mandates[role] = brief.bind(scenario.agenda)
        if utility is None:
            raise InvalidInputError(
                f"the {role}'s brief does not say how much an outcome is worth: add `preferences` to it "
                "(negbox scenario new shows how)"
            )
        utilities[role] = utility
    return utilities, mandates


def problem_of(scenario: Scenario) -> "BargainingProblem":
    """The bargaining problem that both briefs make of the agenda.

    Raises:
        InvalidInputError: A brief has no preferences, or there are too many outcomes.
    """
    from bargaining.problem import BargainingProblem  # noqa: PLC0415 - loads numpy, which reading a file does not need

    return BargainingProblem.of(scenario.agenda, *bind(scenario))


def load_agenda(file: str | Path) -> Agenda:
    """Read an agenda from a file of its own: the same as below `agenda:` in a scenario.

    Raises:
        InvalidInputError: With up to ten problems, one a line.
    """
    return _validate(read(Path(file)), Agenda, frozenset())


def agenda_yaml(agenda: Agenda) -> str:
    """An agenda as a file of its own would say it."""
    said = agenda.model_dump(mode="json", exclude_none=True)
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))


def load_brief(file: str | Path, agenda: Agenda, role: str) -> Brief:
    """Read the brief of one role from a file of its own: the same as below `briefs: ROLE:` in a scenario.

    Raises:
        InvalidInputError: With up to ten problems, one a line; also if the brief does not fit the agenda.
    """
    if role not in agenda.roles:
        raise InvalidInputError(f"the agenda has no such role; its roles are {_roles(agenda)}")
    document = read(Path(file))
    brief = _validate(document, Brief, _public(agenda))
    _stop(document, list(_unfit(document, (), brief, agenda)))
    return brief


def split(scenario: Scenario, directory: Path) -> tuple[Path, ...]:
    """Write the agenda and each brief to files of their own, as two parties have them. Only the owner may read them.

    Raises:
        InvalidInputError: A file exists already or cannot be written. Then none is left.
    """
    texts = {"agenda": agenda_yaml(scenario.agenda)}
    texts |= {role: brief.to_yaml() for role, brief in scenario.briefs.items()}
    files = {directory / f"{name}.yaml": text for name, text in texts.items()}
    written: list[Path] = []
    problem = ""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            with open(file, "x", encoding="utf-8", opener=partial(os.open, mode=0o600)) as stream:
                written.append(file)
                stream.write(text)
        return tuple(files)
    except OSError as error:
        problem = (
            f"{error.filename or directory}: cannot be written ({error.strerror}); choose another folder"
        )
    for file in written:
        file.unlink(missing_ok=True)
    raise InvalidInputError(problem)


def create(name: str, directory: Path) -> Path:
    """Start a new scenario file: a short one that works, with a comment on every part.

    Raises:
        InvalidInputError: The name cannot be used, or the file exists already or cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError("a name has lower-case letters, digits and hyphens, and begins with a letter")
    file = directory / f"{name}.yaml"
    text = (resources.files("scenarios") / "starting" / "scenario.yaml").read_text(encoding="utf-8")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text.replace("THIS-FILE", str(file)))
    except FileExistsError:
        raise InvalidInputError(f"{file} exists already; choose another name or folder") from None
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _scenario(document: Document) -> Scenario:
    try:
        public = _public(Agenda.model_validate(document.data.get("agenda")))
    except ValidationError:
        public = frozenset()  # what is wrong is said below, with the rest
    content = _validate(document, _File, public)
    agenda = content.agenda
    problems = [
        (
            document.line((section, role)),
            f"{section}: not a role of the agenda; its roles are {_roles(agenda)}",
        )
        for section, entries in _sections(content)
        for role in entries
        if role not in agenda.roles
    ]
    for role in agenda.roles:
        if role in content.briefs:
            problems += _unfit(document, ("briefs", role), content.briefs[role], agenda)
        else:
            problems.append((document.line(("briefs",)), f"briefs: no brief for the role '{role}'"))
    _stop(document, problems)
    briefs = {role: content.briefs[role] for role in agenda.roles}
    frozen = MappingProxyType
    return Scenario(
        agenda, frozen(content.models), frozen(content.prompts), content.synthetic, frozen(briefs)
    )


def _sections(content: _File) -> tuple[tuple[str, Mapping[str, object]], ...]:
    return ("briefs", content.briefs), ("models", content.models), ("prompts", content.prompts)


def _validate(document: Document, model: type[_Read], public: frozenset[str]) -> _Read:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = complaints(document, (), error, model, public)
    _stop(document, problems)
    raise AssertionError("pydantic refused a document without a reason")


def _unfit(document: Document, base: Place, brief: Brief, agenda: Agenda) -> Iterator[tuple[int, str]]:
    """What in a brief does not fit the agenda, or contradicts itself."""
    where = "".join(f"{part}." for part in base)
    utility = None
    part = "preferences"
    try:
        if brief.preferences:
            utility = UtilityFunction(brief.preferences, agenda)
        part = "mandate"
        BoundMandate(brief.mandate, agenda, utility)
    except InvalidInputError as error:
        yield document.line((*base, part)), f"{where}{part}: {error}"


def _public(agenda: Agenda) -> frozenset[str]:
    return frozenset(agenda.roles) | {issue.name for issue in agenda.issues}


def _roles(agenda: Agenda) -> str:
    return " and ".join(f"'{role}'" for role in agenda.roles)


def _stop(document: Document, problems: list[tuple[int, str]]) -> None:
    if not problems:
        return
    lines = [f"{document.name}:{line}: {text}" for line, text in sorted(problems)]
    if len(lines) > _MOST_SHOWN:
        lines[_MOST_SHOWN:] = ["… and more"]
    raise InvalidInputError("\n".join(lines))
