"""Fitting: whether a message names other terms than the move beside it.

Covered: figures, and numbers in English words, with the unit or the name of an issue beside them; large figures on
the grid of a price by themselves; options of several words, in a sentence that is about their issue or about offers.
Not covered: options of one word ("none", "grid"), yes-or-no issues, units and names in other words than the
agenda's (currencies apart), and other languages. It errs on the side of letting pass: what looks like a difference
("500 EUR more"), a span of time ("in 6 months") or a comparison ("rather than next month") passes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from bargaining.agenda import Agenda
from bargaining.issue import CategoricalIssue, IntegerIssue, index_of
from bargaining.outcome import Outcome
from delegates.numeral import Figure, Number, figures, in_english
from delegates.reading import fold

_LARGE = 1000  # from here on a figure on an issue's grid is hardly anything else, but for a year
_YEARS = range(1900, 2101)
_NEAR = 32  # characters before and after a figure that are looked at
_SYNONYMS = {
    "eur": "eur euro €",
    "usd": "usd dollar $",
    "gbp": "gbp pound £",
    "chf": "chf franc",
    "%": "% percent",
}
_CURRENCIES = frozenset(word for unit, words in _SYNONYMS.items() if unit != "%" for word in words.split())
_GAPS = frozenset({("difference", "of"), ("gap", "of")})
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?%")
_WORD_AFTER = re.compile(r"[\s\-\u2013]*([%€$£]|[^\W\d_]+)")
_TOKENS = re.compile(r"[%€$£]|[^\W\d_]+")
# what may stand between the name of an issue and its value
_LINKS = frozenset(
    [
        "of", "is", "at", "to", "for", "be", "as", "only", "just", "about", "around", "would", "will", "could", "stay",
        "stays", "remain", "remains",
    ]
)  # fmt: skip
# a figure beside one of these says by how much, when, how likely, or what something else costs
_ASIDE_BEFORE = frozenset(
    [
        "by", "another", "extra", "additional", "further", "saving", "save", "cost", "costs", "paid", "spent", "earn",
        "in", "within", "last", "past", "next", "previous", "after", "before", "every", "each", "since", "until",
        "over", "than", "first",
    ]
)  # fmt: skip
_ASIDE_AFTER = frozenset(
    [
        "more", "less", "fewer", "apart", "higher", "lower", "longer", "shorter", "extra", "off", "difference",
        "discount", "ago", "old", "later", "left", "earlier", "away", "chance", "chances", "odds", "probability",
        "likely", "risk", "sure", "certain", "each", "notice", "hence",
    ]
)  # fmt: skip
# what may follow a price that is named without its currency
_FOLLOWS = frozenset(
    [
        "and", "with", "for", "if", "is", "was", "plus", "in", "on", "at", "to", "would", "will", "as", "but", "so",
        "or", "then", "cash", "total", "including", "works", "seems", "sounds", "may", "can", "could", "should", "now",
        "because", "since", "which", "that", "from", "by", "we", "you", "it", "the", "today", "please", "right",
    ]
)  # fmt: skip
_ABOUT_OFFERS = re.compile(
    r"\b(?:offer(?:ing)?|propos\w+|suggest\w*|accept\w*|agree\w*|settle|deal|(?:how|what) about|works? for|i can do|"
    r"let us|let.?s)\b"
)
_COMPARES = re.compile(
    r"\b(?:not|no|never|nor|cannot|can.t|won.t|don.t|doesn.t|isn.t|wouldn.t|rather|instead|too|than|without|unless|if|hard|"
    r"difficult|impossible|until|before|after|from|between|either|or|while|although|though|but)\b"
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Quantity:
    """An issue whose values are amounts: a grid, or options such as "20 %"."""

    name: str
    amounts: dict[Number, str] | IntegerIssue
    units: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, issue: object) -> "_Quantity | None":
        """The amounts of an issue, if it has any."""
        match issue:
            case IntegerIssue():
                unit = next(iter(fold(issue.unit).split()), "")
                return cls(issue.name, issue, _units(unit), _names(issue.name) - _units(unit))
            case CategoricalIssue():
                shares = [_SHARE.fullmatch(option) for option in issue.options]
                if all(shares):
                    amounts: dict[Number, str] = {Fraction(share[1]): share[0] for share in shares if share}
                    return cls(issue.name, amounts, _units("%"), _names(issue.name))
        return None

    def has(self, number: Number) -> bool:
        """Whether the issue could be settled on this amount."""
        if isinstance(self.amounts, IntegerIssue):
            return number.denominator == 1 and index_of(self.amounts, int(number)) is not None
        return number in self.amounts

    def amount(self, outcome: Outcome) -> Number:
        """What an outcome settles the issue on."""
        value = outcome[self.name]
        return value if isinstance(value, int) else Fraction(_SHARE.fullmatch(str(value))[1])  # type: ignore[index]


def _units(unit: str) -> frozenset[str]:
    return frozenset(_SYNONYMS.get(unit, unit.removesuffix("s")).split())


def _names(name: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in name.split("_") if len(word) > 2)


class Fitting:
    """Knows how the terms of an agenda are named.

    Args:
        agenda: What is negotiated.
        told: Texts whose numbers may be said at any time: facts that may be disclosed. What is public may, too.
    """

    def __init__(self, agenda: Agenda, told: Iterable[str] = ()) -> None:
        public = (agenda.title, agenda.description, *(issue.description for issue in agenda.issues))
        self._texts = (*public, *told)
        self._quantities: list[_Quantity] = []
        self._options: list[_Options] = []
        for issue in agenda.issues:
            if quantity := _Quantity.of(issue):
                self._quantities.append(quantity)
            elif isinstance(issue, CategoricalIssue):
                self._options.append(_Options(issue))

    def misfit(self, message: str, terms: Sequence[Outcome]) -> str | None:
        """The name of an issue for which the message names a value that is in none of these terms, if there is one."""
        text = fold(message)
        if name := self._figure(text, terms, 0):
            return name
        spelled = in_english(text)
        if spelled != text and (name := self._figure(spelled, terms, 2)):  # "one day" is any day
            return name
        return next((options.name for options in self._options if options.misfit(text, terms)), None)

    def _figure(self, text: str, terms: Sequence[Outcome], least: int) -> str | None:
        for figure in figures(text):
            if max(figure.numbers) < least:
                continue
            meant = self._meant(text, figure)
            named = {number: q.name for q in reversed(meant) for number in figure.numbers if q.has(number)}
            fits = not named or any(
                not named.keys().isdisjoint(_amounts(outcome, meant)) for outcome in terms
            )
            if not fits and named.keys().isdisjoint(self._told):
                return next(iter(named.values()))
        return None

    @cached_property
    def _told(self) -> frozenset[Number]:
        folded = [fold(text) for text in self._texts]
        return frozenset(
            max(f.numbers) for text in folded for f in (*figures(text), *figures(in_english(text)))
        )

    def _meant(self, text: str, figure: Figure) -> list[_Quantity]:
        """The issues that a figure can be about."""
        before = _TOKENS.findall(text[max(0, figure.start - _NEAR) : figure.start])
        after = _TOKENS.findall(text[figure.end : figure.end + _NEAR])
        if not _ASIDE_AFTER.isdisjoint(after[:2]) or _is_aside(before):
            return []
        follows = _WORD_AFTER.match(text, figure.end)
        unit = "%" if figure.percent else follows[1].removesuffix("s") if follows else ""
        currency = before[-1].removesuffix("s") if before else ""
        if found := [q for q in self._quantities if unit in q.units or currency in q.units & _CURRENCIES]:
            return found
        name = next((word.removesuffix("s") for word in reversed(before) if word not in _LINKS), "")
        if found := [q for q in self._quantities if name in q.names]:
            return found
        largest = max(figure.numbers)
        if (
            largest < _LARGE
            or (largest in _YEARS and figure.plain)
            or (follows and follows[1] not in _FOLLOWS)
        ):
            return []
        return self._quantities


def _is_aside(before: Sequence[str]) -> bool:
    words = before[:-1] if before[-1:] == ["the"] else before
    return words[-1:] != [] and (words[-1] in _ASIDE_BEFORE or tuple(words[-2:]) in _GAPS)


def _amounts(outcome: Outcome, meant: Sequence[_Quantity]) -> set[Number]:
    """What an outcome comes to on some issues: each amount, their sum, and what a share leaves."""
    amounts = [quantity.amount(outcome) for quantity in meant]
    shares = [100 - amount for amount, quantity in zip(amounts, meant, strict=True) if "%" in quantity.units]
    return {*amounts, sum(amounts), *shares}


class _Options:
    """The options of an issue that can be told from everyday words: those of several words."""

    def __init__(self, issue: CategoricalIssue) -> None:
        self.name = issue.name
        self._options = [
            (option, words[0], re.compile(r"(?<!\w)" + r"[\W_]+".join(map(re.escape, words)) + r"(?!\w)"))
            for option in issue.options
            if len(words := _WORDS.findall(fold(option))) > 1
        ]
        self._names = _names(issue.name)

    def misfit(self, text: str, terms: Sequence[Outcome]) -> bool:
        """Whether a sentence puts an option forward that is in none of these terms, and none that is."""
        if not self._named_in(text):
            return False
        settled = {outcome[self.name] for outcome in terms}
        for sentence in _SENTENCE.split(text):
            named = self._named_in(sentence)
            if not named or not settled.isdisjoint(named) or _COMPARES.search(sentence):
                continue
            words = {word.removesuffix("s") for word in _WORDS.findall(sentence)}
            if not self._names.isdisjoint(words) or _ABOUT_OFFERS.search(sentence):
                return True
        return False

    def _named_in(self, text: str) -> list[str]:
        return [option for option, word, pattern in self._options if word in text and pattern.search(text)]
