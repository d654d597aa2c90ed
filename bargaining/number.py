"""Exact numbers: integers and fractions, read without a detour through binary floats."""

from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

_MAX_CHARACTERS = 40
_LARGEST = 10**31


def exact(value: object) -> Fraction:
    """Read a number exactly: `0.3` is 3/10, `"1/3"` is one third.

    Args:
        value: An int, a Fraction, a float (read as the decimal that it prints as) or a string.

    Raises:
        ValueError: It is not a finite number, or is longer than 40 characters. The value is not repeated.
    """
    match value:
        case bool():
            raise ValueError("expected a number, found true or false")
        case Fraction():
            return value
        case int():
            if abs(value) >= _LARGEST:
                raise ValueError("expected a number of at most 31 digits")
            return Fraction(value)
        case float() | str():
            text = repr(value) if isinstance(value, float) else value.strip()
            if len(text) > _MAX_CHARACTERS:
                raise ValueError("expected a number of at most 40 characters")
            try:
                return Fraction(text) if "/" in text else _decimal(text)
            except (ValueError, ZeroDivisionError, InvalidOperation):
                pass
            raise ValueError("expected a number such as 12, 0.5 or 1/3")
        case _:
            raise ValueError("expected a number such as 12, 0.5 or 1/3")


def _decimal(text: str) -> Fraction:
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError
    return Fraction(number)


def written(value: Fraction) -> str:
    """A number as `exact` reads it: `1/2`, or as a decimal where the fraction would be too long."""
    text = str(value)
    if len(text) > _MAX_CHARACTERS:
        with localcontext() as context:
            context.prec = 2 * _MAX_CHARACTERS  # a decimal of so many characters is written whole
            text = f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text


Exact = Annotated[InstanceOf[Fraction], BeforeValidator(exact), PlainSerializer(written, return_type=str)]
"""A pydantic field that holds a Fraction and accepts any number that `exact` reads."""
