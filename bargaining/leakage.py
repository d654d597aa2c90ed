"""How much a result can tell: at most, by its number of values; and of a secret, by a channel from it to the result.

Covered: the number of different results, as bits. A result that can take so many values carries at most the
logarithm of their number, whatever happened in the negotiation. Where it is known how likely each result is for each
secret: the chance of whoever guesses the secret before and after, exactly or nearly; mutual information. The names
and formulas are those of quantitative information flow (Alvim, Chatzikokolakis, McIver, Morgan, Palamidessi and
Smith, "The Science of Quantitative Information Flow", 2020).
Not covered: what each side's delegate learns at the table, and results of several negotiations taken together: their
bits add up. A channel that is only known from samples: see `evals.leakage`, for these formulas would find a leak in
noise. Floats: they describe, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import fsum, log2
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bargaining.agenda import Agenda
    from bargaining.problem import BargainingProblem

Distribution: TypeAlias = Sequence[float]
"""How likely each secret is."""
Channel: TypeAlias = Sequence[Distribution]
"""For each secret, how likely each result is."""
Gain: TypeAlias = Sequence[Sequence[float]]
"""For each guess and each secret, what the guess is worth to whoever guesses."""


def export_bits(agenda: Agenda) -> float:
    """The most bits that one result can carry: one of the agenda's outcomes, or no deal.

    An upper bound from public data alone: `log2(outcomes + 1)` for a result of fixed size, released at a fixed
    time.
    """
    return log2(agenda.space.size + 1)


def reachable_exports(problem: BargainingProblem, *, improved: bool = False) -> int:
    """How many different results the two mandates leave possible, no deal among them.

    Secret: it depends on both briefs, and tells whoever has one of them about the other. It is for the owner of
    both, and must never stand in a statement nor anywhere else that a side or the public reads.

    Args:
        problem: What the two briefs make of the agenda.
        improved: Count for the settlement `improved`, which lets only efficient outcomes through.

    Returns:
        The count; its `log2` are the bits. Delegates that play in a certain way may reach fewer.
    """
    if not improved:
        return problem.feasible_count + 1
    first, second = problem.payoffs
    best = {(int(first[index]), int(second[index])) for index in problem.frontier}
    # several outcomes may share the payoffs of one on the frontier: each is efficient, and stays as it was agreed
    agreements = zip(first[problem.feasible].tolist(), second[problem.feasible].tolist(), strict=True)
    return 1 + sum(1 for pair in agreements if pair in best)


# ---------------------------------------------------------------------------------- channels


def uniform(count: int) -> Distribution:
    """All secrets alike: the prior under which the min-entropy leakage is the capacity."""
    return (1 / count,) * count


def deterministic(results: Sequence[Hashable]) -> Channel:
    """The channel of a rule.

    Args:
        results: The one result for each secret.
    """
    places = {result: place for place, result in enumerate(dict.fromkeys(results))}
    return tuple(tuple(float(places[result] == place) for place in places.values()) for result in results)


def exactly(count: int) -> Gain:
    """Worth 1 if the guess is the secret, else nothing. Vulnerability is then the Bayes vulnerability."""
    return within(count, 0)


def within(count: int, tolerance: int) -> Gain:
    """Worth 1 if the guess is so few steps from the secret at most, else nothing: secrets on a scale."""
    return tuple(
        tuple(float(abs(guess - secret) <= tolerance) for secret in range(count)) for guess in range(count)
    )


def prior_vulnerability(prior: Distribution, gain: Gain) -> float:
    """What the best guess is worth to who has not seen the result: max_w sum_x p(x) g(w, x)."""
    return max(fsum(p * g for p, g in zip(prior, row, strict=True)) for row in gain)


def posterior_vulnerability(prior: Distribution, channel: Channel, gain: Gain) -> float:
    """The same to who has: sum_y max_w sum_x p(x) C(x, y) g(w, x)."""
    joints = ([p * row[place] for p, row in zip(prior, channel, strict=True)] for place in _results(channel))
    return fsum(prior_vulnerability(joint, gain) for joint in joints)


def g_leakage(prior: Distribution, channel: Channel, gain: Gain) -> float:
    """By how many bits the result improves the best guess (Alvim, Chatzikokolakis, Palamidessi and Smith, CSF 2012)."""
    return log2(posterior_vulnerability(prior, channel, gain) / prior_vulnerability(prior, gain))


def min_entropy_leakage(prior: Distribution, channel: Channel) -> float:
    """By how many bits the result improves the best guess at the very secret (Smith, FoSSaCS 2009)."""
    return g_leakage(prior, channel, exactly(len(prior)))


def capacity(channel: Channel) -> float:
    """The most min-entropy leakage under any prior: log2 sum_y max_x C(x, y).

    It bounds the leakage for every gain that is not negative as well (Braun, Chatzikokolakis and Palamidessi, MFPS
    2009; Alvim et al. 2012). A uniform prior attains it.
    """
    return log2(fsum(max(row[place] for row in channel) for place in _results(channel)))


def mutual_information(prior: Distribution, channel: Channel) -> float:
    """By how many bits the result reduces the uncertainty about the secret in the mean (Shannon 1948)."""
    total = []
    for place in _results(channel):
        marginal = fsum(p * row[place] for p, row in zip(prior, channel, strict=True))
        total += [
            p * row[place] * log2(row[place] / marginal)
            for p, row in zip(prior, channel, strict=True)
            if p * row[place] > 0
        ]
    return fsum(total)


def narrowest(posterior: Distribution, mass: float) -> int:
    """How many neighbouring secrets it takes at least to hold so much of a distribution."""
    count = len(posterior)
    for width in range(1, count):
        if any(fsum(posterior[low : low + width]) >= mass - 1e-9 for low in range(count - width + 1)):
            return width
    return count


def posterior_width(prior: Distribution, channel: Channel, mass: float) -> float:
    """How many neighbouring secrets stay possible in the mean, once the result is known.

    Args:
        prior: How likely each secret is.
        channel: What each secret leads to.
        mass: How much of the posterior the neighbours must hold.
    """
    total = []
    for place in _results(channel):
        joint = [p * row[place] for p, row in zip(prior, channel, strict=True)]
        if seen := fsum(joint):
            total.append(seen * narrowest([part / seen for part in joint], mass))
    return fsum(total)


def _results(channel: Channel) -> range:
    return range(len(channel[0]))
