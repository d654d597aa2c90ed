"""What every model of a principal's private context has in common.

Covered: a redacted representation, refusal to be pickled or copied, validation errors without values and
without the principal's own keys. Not covered: the memory of the process that holds it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError


class Private(BaseModel):
    """A frozen model whose content stays where it is.

    The location of a validation error holds only names of our own fields. A key that the principal chose
    stands there as its position in its mapping, counted from 1: `("issues", "#2", "points", "#1")`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _hide_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        problems: list[InitErrorDetails]
        try:
            return handler(data)
        except ValidationError as error:
            names = set(_field_names(Private))
            problems = [
                InitErrorDetails(
                    type=PydanticCustomError(found["type"], found["msg"]),
                    loc=tuple(_public(found["loc"], data, names)),
                    input=None,
                )
                for found in error.errors(include_url=False, include_input=False)
            ]
        raise ValidationError.from_exception_data(cls.__name__, problems, hide_input=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"

    __str__ = __repr__

    def __rich_repr__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is private and is not shown")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is private and cannot be pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is private and cannot be copied")

    def __deepcopy__(self, memo: object = None) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is private and cannot be copied")


def _field_names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
    for heir in model.__subclasses__():
        yield from _field_names(heir)


def _public(location: Sequence[str | int], data: object, names: set[str]) -> Iterator[str | int]:
    """Walk the data along a location and keep what is ours: field names and positions."""
    for part in location:
        if isinstance(data, Mapping):
            keys = list(data)
            if part in names:
                data = data.get(part)
                yield part
            elif part in keys:
                position = keys.index(part)
                data = data[part]
                yield f"#{position + 1}"
            elif isinstance(part, str) and part.startswith("#"):  # from a model inside this one
                position = int(part[1:]) - 1
                data = data[keys[position]]
                yield part
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int):
            data = data[part] if part < len(data) else None
            yield part
