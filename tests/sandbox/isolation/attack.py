"""What an attack is: a function of what there is to attack, known by its name. It raises whatever stops it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Targets:
    """What there is to attack outside."""

    pid: int
    port: int
    other_port: int
    abstract: str
    path: str
    datagrams: str
    secret: str
    folder: str


Attack: TypeAlias = Callable[[Targets], object]
ATTACKS: dict[str, Attack] = {}


def attack(function: Attack) -> Attack:
    """Register an attack."""
    ATTACKS[function.__name__] = function
    return function
