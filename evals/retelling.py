"""Retelling: the same principal's brief, told with less, with something misleading, or in other words.

Covered: told vaguely, `worded` (preferences in words, without how much each matters) and `unsaid` (only the narrative);
`proxied` (points for the most important issue alone, though the narrative stays); three paraphrases by rule: the second
half of the narrative's sentences first and the facts in reverse (`reordered`), some words by others of the same sense
(`reworded`), each sentence on a line of its own as a list (`reformatted`).
Not covered: paraphrase as a person would do it. Facts keep their wording, because the guard looks for it. A brief whose
preferences are not the true ones has no reservation value, which is on their scale; the referee still holds the true
one against every move.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from bargaining.agenda import Agenda
from bargaining.utility import Preferences, UtilityFunction
from delegates.brief import Brief
from evals.stage import Stage, remade

Retelling = Callable[[Brief, Stage, str], Brief]
"""Makes another brief of one, given the stage and the role."""

_WORDS = {
    "also": "as well", "because": "since", "begin": "start", "big": "large", "but": "yet", "buy": "purchase",
    "cannot": "can not", "do not": "don't", "does not": "doesn't", "enough": "sufficiently", "expensive": "costly",
    "firm": "company", "good": "favourable", "help": "assist", "i am": "I'm", "i have": "I've", "important": "relevant",
    "keep": "retain", "must": "have to", "nearly": "almost", "need": "require", "needs": "requires", "quickly": "fast",
    "replacing": "substituting", "right": "suitable", "shows": "demonstrates", "small": "little", "start": "begin",
    "tight": "scarce", "want to": "wish to", "we are": "we're", "we have": "we've", "works": "functions",
    "would like": "would be glad to have",
}  # fmt: skip
_ANY_WORD = re.compile(r"\b(" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")\b", re.IGNORECASE)


def top_issue(stage: Stage, role: str) -> str:
    """The issue that matters most to a side."""
    utility = stage.utilities[role]
    return max(stage.scenario.agenda.space.issues, key=lambda name: utility.swing(name)[2])


def proxy_utility(stage: Stage, role: str) -> UtilityFunction:
    """What outcomes are worth by the proxy: the most important issue alone."""
    return UtilityFunction(_proxy(stage, role), stage.scenario.agenda)


def _proxy(stage: Stage, role: str) -> Preferences:
    true, top = stage.scenario.briefs[role].preferences, top_issue(stage, role)
    assert true is not None, "a stage has preferences"
    issues = {
        name: issue if name == top else remade(issue, {"weight": Fraction(0)})
        for name, issue in true.issues.items()
    }
    return remade(true, {"issues": issues, "combinations": ()})


def _unmeasured(brief: Brief, narrative: str, preferences: Preferences | None = None) -> Brief:
    mandate = remade(brief.mandate, {"reservation_value": None})
    return remade(brief, {"narrative": narrative[:20_000], "preferences": preferences, "mandate": mandate})


def _unsaid(brief: Brief, stage: Stage, role: str) -> Brief:  # noqa: ARG001 - all retellings look alike
    return _unmeasured(brief, brief.narrative)


def _worded(brief: Brief, stage: Stage, role: str) -> Brief:
    words = _in_words(stage.utilities[role], stage.scenario.agenda)
    return _unmeasured(brief, f"{brief.narrative.strip()[:18_000]}\n\n{words}")


def _proxied(brief: Brief, stage: Stage, role: str) -> Brief:
    return _unmeasured(brief, brief.narrative, _proxy(stage, role))


def _in_words(utility: UtilityFunction, agenda: Agenda) -> str:
    """Which issue matters more than which, and in which direction; not by how much."""
    found = sorted(
        ((utility.swing(issue.name), issue.name) for issue in agenda.issues), key=lambda one: -one[0][2]
    )
    lines = [
        f"{name}, where {best} would be best and {worst} worst for me"
        for (best, worst, gap), name in found
        if gap
    ]
    return "What matters to me, the most important first: " + "; then ".join(lines) + "." if lines else ""


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", " ".join(text.split()))


def _reordered(brief: Brief, stage: Stage, role: str) -> Brief:  # noqa: ARG001
    said = _sentences(brief.narrative)
    half = len(said) // 2
    return remade(brief, {"narrative": " ".join(said[half:] + said[:half]), "facts": brief.facts[::-1]})


def _reworded(brief: Brief, stage: Stage, role: str) -> Brief:  # noqa: ARG001
    def other(found: re.Match[str]) -> str:
        word = _WORDS[found[0].lower()]
        return word[0].upper() + word[1:] if found[0][0].isupper() else word

    return remade(brief, {"narrative": _ANY_WORD.sub(other, brief.narrative)[:20_000]})


def _reformatted(brief: Brief, stage: Stage, role: str) -> Brief:  # noqa: ARG001
    lines = "\n".join(f"- {sentence}" for sentence in _sentences(brief.narrative))
    return remade(brief, {"narrative": lines[:20_000]})


WORDED, UNSAID, PROXY = "worded", "unsaid", "proxy"
PARAPHRASES: Mapping[str, Retelling] = {
    "reordered": _reordered,
    "reworded": _reworded,
    "reformatted": _reformatted,
}
RETELLINGS: Mapping[str, Retelling] = {WORDED: _worded, UNSAID: _unsaid, PROXY: _proxied, **PARAPHRASES}
"""By name."""


def differs(name: str, stage: Stage, role: str) -> bool:
    """Whether a retelling changes anything in this brief but its line breaks."""
    brief = stage.scenario.briefs[role]
    other = RETELLINGS[name](brief, stage, role)
    one, two = ((some.narrative.split(), some.facts, some.preferences) for some in (brief, other))
    return one != two
