"""What a model is told about its side once, at the start: brief and agenda put into words for the system prompt."""

from fractions import Fraction
from typing import assert_never

from bargaining.agenda import Agenda
from bargaining.issue import BooleanIssue, CategoricalIssue, IntegerIssue, Value
from bargaining.mandate import BoundMandate
from bargaining.utility import UtilityFunction
from delegates.brief import Brief, Disclosure
from delegates.prompt import SystemPrompt


def system_prompt(
    role: str,
    agenda: Agenda,
    brief: Brief,
    utility: UtilityFunction | None,
    mandate: BoundMandate,
    *,
    advised: bool,
) -> SystemPrompt:
    """Fill the variables of a pack's system prompt.

    With an advisor the mandate is left out: a model cannot say a limit that it does not know.
    """
    advised = advised and utility is not None

    def facts(disclosure: Disclosure) -> tuple[str, ...]:
        return tuple(fact.text for fact in brief.facts if fact.disclosure == disclosure)

    return SystemPrompt(
        role=role,
        counterpart=agenda.other(role),
        title=agenda.title,
        description=agenda.description,
        issues=tuple(describe_issue(issue) for issue in agenda.issues),
        rounds=agenda.rounds,
        message_characters=agenda.message_characters,
        narrative=brief.narrative.strip(),
        facts_free=facts("free"),
        facts_if_asked=facts("if_asked"),
        facts_never=facts("never"),
        outside_options=brief.outside_options,
        preferences=describe_preferences(utility, agenda) if utility else "",
        mandate="" if advised else describe_mandate(mandate),
        advised=advised,
        protocol=agenda.protocol,
    )


def describe_issue(issue: CategoricalIssue | IntegerIssue | BooleanIssue) -> str:
    """One line that says which values an issue can take."""
    match issue:
        case BooleanIssue():
            values = "true or false"
        case CategoricalIssue():
            values = "one of " + ", ".join(f'"{option}"' for option in issue.options)
        case IntegerIssue():
            step = f" in steps of {issue.step}" if issue.step != 1 else ""
            unit = f" {issue.unit}" if issue.unit else ""
            values = f"{issue.minimum} to {issue.maximum}{step}{unit}"
        case _:
            assert_never(issue)
    return f"{issue.name}: {values}" + (f" ({issue.description})" if issue.description else "")


def describe_preferences(utility: UtilityFunction, agenda: Agenda) -> str:
    """How much each issue matters and in which direction, without points: most important first."""
    rows = []
    for issue in agenda.issues:
        best, worst, spread = utility.swing(issue.name)
        rows.append((spread, issue.name, best, worst))
    total = sum((row[0] for row in rows), Fraction(0)) or Fraction(1)
    rows.sort(key=lambda row: -row[0])
    return "\n".join(
        f"- {name}: {round(100 * spread / total)} % of what matters; best {_show(best)}, worst {_show(worst)}"
        if spread
        else f"- {name}: does not matter to you"
        for spread, name, best, worst in rows
    )


def describe_mandate(mandate: BoundMandate) -> str:
    """What the delegate may agree to. The reservation value is left out: nobody can say what they were not told."""
    lines = [f"- {condition}" for condition in mandate.describe()]
    if mandate.reservation is not None:
        lines.append("- an outcome that is worth too little by your preferences is sent back to you")
    authority = mandate.mandate.authority
    lines += ["- you may not accept offers, only make them"] * (not authority.accept)
    lines += ["- you may not walk away"] * (not authority.walk_away)
    return "\n".join(lines) or "- any outcome"


def _show(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
