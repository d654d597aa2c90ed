"""Evidence: how what is disclosed moves a belief about who would win.

Covered: likelihood ratios, and countermeasures that stop a part of the ways to win, both exact.
Not covered: whether a piece of evidence is genuine. How far it can be trusted comes in as a number.
"""

from dataclasses import dataclass
from fractions import Fraction

from bargaining.errors import InvalidInputError


def update(belief: Fraction, ratio: Fraction) -> Fraction:
    """Bayes' rule in odds: the odds after are the odds before, times the likelihood ratio.

    Args:
        belief: The probability before. Certainty, either way, cannot be moved.
        ratio: How much likelier the evidence is if the belief is true than if it is false.

    Raises:
        InvalidInputError: A number is not in its range.
    """
    _probability(belief)
    if ratio < 0 or (ratio == 0 and belief == 1):
        raise InvalidInputError(
            "a likelihood ratio is a number from 0, and not 0 for what is believed to be certain"
        )
    return belief * ratio / (belief * ratio + 1 - belief)


def likelihood_ratio(before: Fraction, after: Fraction) -> Fraction:
    """The likelihood ratio that moves one belief to another.

    Raises:
        InvalidInputError: A belief is not a probability, `before` is certain or `after` is sure.
    """
    _probability(before)
    _probability(after)
    if before in {0, 1} or after == 1:
        raise InvalidInputError("no evidence moves a certainty or makes one; give beliefs between 0 and 1")
    return after * (1 - before) / (before * (1 - after))


def blocked(before: Fraction, after: Fraction) -> Fraction:
    """The part of the ways to win that must be stopped to move one belief to a lower one.

    Whoever hears of a deal can compute this too: the new split tells how much was disclosed.

    Raises:
        InvalidInputError: A belief is not a probability, or `after` is not the lower one.
    """
    _probability(before)
    _probability(after)
    if before == 0 or after > before:
        raise InvalidInputError("blocking only lowers a belief, and one above 0; use a likelihood ratio")
    return 1 - after / before


@dataclass(frozen=True, slots=True)
class Countermeasure:
    """Something that stops a part of the ways in which the other side could win.

    Raises:
        InvalidInputError: A number is not between 0 and 1.
    """

    blocks: Fraction
    """The part of the ways to win that it stops, if it is what it is said to be."""
    credence: Fraction
    """How far the other side can trust that it is. 0 for what nobody can verify: a bluff moves nothing."""

    def __post_init__(self) -> None:
        _probability(self.blocks)
        _probability(self.credence)

    def lower(self, belief: Fraction) -> Fraction:
        """The other side's belief that it wins, after the countermeasure was disclosed to it."""
        _probability(belief)
        return belief * (1 - self.credence * self.blocks)


def _probability(number: Fraction) -> None:
    if not 0 <= number <= 1:
        raise InvalidInputError("expected a number from 0 to 1")
