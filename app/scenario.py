"""`negbox scenario`: check and start scenario files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bargaining.agenda import Agenda
    from delegates.brief import Brief
    from delegates.scenario import Scenario

app = typer.Typer(
    help="Scenarios: a YAML file with the agenda (public) and a brief for each side (private).",
    no_args_is_help=True,
)


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios that come with negotiation-box. Run one with: negbox run NAME."""
    from delegates.scenario import load, shipped  # noqa: PLC0415  # heavy

    width = max(len(name) for name in shipped())
    for name in shipped():
        sys.stdout.write(f"{name:{width}}  {load(name).agenda.title}\n")


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    both: Annotated[
        bool,
        typer.Option(
            "--both", help="Also count the outcomes that both mandates allow. That takes both briefs to know."
        ),
    ] = False,
) -> None:
    """Check a scenario and say what it allows for.

    Every problem is named with file, line and field; no value from a brief is ever printed.
    """
    from bargaining.leakage import export_bits  # noqa: PLC0415  # heavy
    from delegates.scenario import load  # noqa: PLC0415

    scenario = load(file)
    agenda = scenario.agenda
    _check_choices(file, scenario)
    facts = [
        ("scenario", f"{file} is complete and can be used"),
        ("agenda", f"{_count(len(agenda.issues), 'issue')}, {_rounds(agenda)}"),
        ("outcomes", f"{agenda.space.size:,}"),
        ("export", f"the result can carry at most {export_bits(agenda):.2f} bits (an agreement or no deal)"),
        *((role, _describe(brief)) for role, brief in scenario.briefs.items()),
    ]
    if both:
        facts.append(("both", _overlap(agenda, tuple(scenario.briefs.values()))))
    width = max(len(name) for name, _ in facts)
    sys.stdout.writelines(f"{name:{width}}  {text}\n" for name, text in facts)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits and hyphens.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where to put the file.")] = Path("."),
) -> None:
    """Start a scenario of your own: a short one that works, with a comment on every part."""
    from delegates.scenario import create  # noqa: PLC0415  # heavy

    file = create(name, directory)
    sys.stdout.write(
        f"Wrote {file}. Change it, then try:\n  negbox scenario check {file}\n  negbox run {file}\n"
    )


@app.command()
def split(
    file: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where to put the files.")] = Path("."),
) -> None:
    """Write the agenda and each side's brief to files of their own, as two parties would have them."""
    from delegates import scenario  # noqa: PLC0415  # heavy

    files = scenario.split(scenario.load(file), directory)
    sys.stdout.writelines(f"Wrote {path}\n" for path in files)


def _check_choices(file: str, scenario: "Scenario") -> None:
    from bargaining.errors import InvalidModelError  # noqa: PLC0415  # heavy
    from delegates.models.spec import parse  # noqa: PLC0415
    from delegates.prompt import PromptPack  # noqa: PLC0415

    models = {}
    for role, spec in scenario.models.items():
        try:
            models[role] = parse(spec)
        except InvalidModelError as error:
            raise InvalidModelError(f"{file}: models.{role}: {error}") from error
    if scenario.agenda.protocol == "single_text" or any(s.provider == "tactic" for s in models.values()):
        from sandbox.seating import check_seats  # noqa: PLC0415  # heavier still

        check_seats(scenario.agenda, scenario.briefs, models)
    for pack in scenario.prompts.values():
        PromptPack.load(pack)


def _describe(brief: "Brief") -> str:
    mandate = brief.mandate
    kinds = [fact.disclosure for fact in brief.facts]
    parts = [
        "advisor available" if brief.preferences else "no advisor and no tactics: there are no preferences",
        _count(len(mandate.conditions), "condition"),
        "a reservation value" if mandate.reservation_value is not None else "no reservation value",
        f"facts: {kinds.count('free')} free, {kinds.count('if_asked')} if asked, {kinds.count('never')} never",
        _count(len(brief.outside_options), "outside option"),
    ]
    return "; ".join(parts)


def _overlap(agenda: "Agenda", briefs: tuple["Brief", ...]) -> str:
    from bargaining import grid  # noqa: PLC0415  # heavy
    from bargaining.outcome import EAGER_SIZE  # noqa: PLC0415

    if agenda.space.size > EAGER_SIZE:
        return f"there are too many outcomes to try each one (more than {EAGER_SIZE:,})"
    everywhere = grid.full(agenda.space.lengths)
    masks = (brief.bind(agenda)[1].mask(everywhere) for brief in briefs)
    shared = sum(all(bits) for bits in zip(*masks, strict=True))
    if not shared:
        return "no outcome is allowed by both mandates: there can be no deal"
    return f"{_count(shared, 'outcome')} allowed by both mandates"


def _rounds(agenda: "Agenda") -> str:
    if agenda.protocol == "single_text":
        return f"{_count(agenda.rounds, 'text')} from a mediator"
    return f"{_count(agenda.rounds, 'turn')} for each side"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
