"""What is wrong with a document, in words that name the place and never repeat what stands there.

A path shows only names that are ours (fields) or public (issues and roles). Everything else is left out,
because a slip of the indentation can turn any line of a brief into a name.
"""

from collections.abc import Iterable, Iterator, Set
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, core_schema

from delegates.document import Document, Place

_LIST = "expected a list"
_MAPPING = "expected a mapping: lines such as 'name: value'"
_WORDS = {
    "bool_type": "expected true or false",
    "dict_type": _MAPPING,
    "int_type": "expected a whole number",
    "invalid_key": "expected a name",
    "list_type": _LIST,
    "mapping_type": _MAPPING,
    "missing": "this field is required",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "string_pattern_mismatch": "expected lower-case letters, digits and underscores, beginning with a letter",
    "string_type": "expected text; put it in quotes if it looks like a number, true or false",
    "tuple_type": _LIST,
    "union_tag_not_found": "this field is required",
}
"""By pydantic's type of error."""
_PLAIN = frozenset(
    {
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "literal_error",
        "string_too_long",
        "string_too_short",
        "too_long",
        "too_short",
    }
)
"""The types whose own message holds only facts about our models."""
_MOST = 100
"""How many problems are put into words; nobody reads more."""
_BUILT_IN = frozenset(get_args(core_schema.ErrorType))


def complaints(
    document: Document, base: Place, error: ValidationError, model: type[BaseModel], public: Set[str]
) -> list[tuple[int, str]]:
    """The problems that pydantic found, as (line, `path: what was expected`).

    Args:
        document: The document.
        base: Where in it the model was read from.
        error: What pydantic found.
        model: The model.
        public: Names that may be shown beside our own: issues and roles.
    """
    shown = public | _all_fields(model)
    places = [
        (_place(document, base, (*item["loc"], *_tag(item))), item)
        for item in error.errors(include_url=False)
    ]
    found: dict[tuple[int, str], None] = {}  # an ordered set: a union complains once per member
    for spot, item in sorted(places, key=lambda each: document.line(each[0]))[:_MOST]:
        place, line = spot, document.line(spot)
        if item["type"] == "extra_forbidden":
            name, place = spot[-1], spot[:-1]  # a name that is not ours is not shown
            text = _unknown(_models_at(model, place[len(base) :]), document.at(place), name)
        else:
            text = _words(item)
        where = ".".join(filter(None, (path(document, place, shown), _missing(item))))
        found[line, f"{where}: {text}" if where else text] = None
    return list(found)


def path(document: Document, place: Place, shown: Set[str]) -> str:
    """A place in words, such as `briefs.seller.facts[2].text`; empty for the top."""
    text = ""
    for depth, part in enumerate(place):
        if isinstance(document.at(place[:depth]), list):
            text += f"[{part}]"
        elif part in shown:
            text += f".{part}" if text else str(part)
    return text


def _place(document: Document, base: Place, location: Iterable[int | str]) -> Place:
    """Follow pydantic's location through the document; what is not in there is left out.

    It is not in there if it is missing, or if pydantic speaks of a member of a union or of a key.
    """
    place = base
    for part in location:
        if document.has((*place, part)):
            place = (*place, part)
        elif isinstance(part, str) and part.startswith("#") and isinstance(found := document.at(place), dict):
            place = (*place, list(found)[int(part[1:]) - 1])  # a principal's own key, see bargaining.private
    return place


def _tag(item: ErrorDetails) -> tuple[str, ...]:
    """The field that says which member of a union is meant, if that is the problem."""
    if item["type"] in ("union_tag_invalid", "union_tag_not_found") and "ctx" in item:
        return (str(item["ctx"]["discriminator"]).strip("'"),)
    return ()


def _missing(item: ErrorDetails) -> str:
    """The name of the field that is not there, if that is the problem."""
    if item["type"] == "union_tag_not_found":
        return ".".join(_tag(item))
    name = item["loc"][-1] if item["type"] == "missing" else 0
    return name if isinstance(name, str) else ""


def _words(item: ErrorDetails) -> str:
    kind, message = item["type"], item["msg"]
    if kind == "missing" and isinstance(item["loc"][-1], int):
        return "too few items"
    if kind == "union_tag_invalid":  # pydantic's message repeats the value
        return f"expected {item['ctx']['expected_tags']}" if "ctx" in item else "not what is expected here"
    if kind == "value_error" or kind not in _BUILT_IN:  # from our validators, which never repeat a value
        return message.removeprefix("Value error, ")
    if kind in _PLAIN:
        return message.replace("Input should be", "expected").replace(" after validation", "")
    return _WORDS.get(kind, "not what is expected here")


def _unknown(models: Iterable[type[BaseModel]], present: Any, found: object) -> str:
    fields = {field.alias or key for model in models for key, field in model.model_fields.items()}
    free = [name for name in fields if name not in present]
    near = get_close_matches(str(found)[:40], free, n=1)
    if near:
        return f"unknown field; did you mean '{near[0]}'?"
    return f"unknown field; there are {', '.join(sorted(fields))}" if fields else "unknown field"


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _models_at(model: type[BaseModel], place: Place) -> list[type[BaseModel]]:
    """The models that a place may hold."""
    models = [model]
    for part in place:
        found = [
            field.annotation
            for each in models
            for key, field in each.model_fields.items()
            if part in (key, field.alias)
        ]
        if found:  # otherwise a position in a list or a key of a mapping
            models = [inner for annotation in found for inner in _models_in(annotation)]
    return models


def _all_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model and of the models in it."""
    todo, seen = [model], set()
    names: set[str] = set()
    while todo:
        if (each := todo.pop()) in seen:
            continue
        seen.add(each)
        for key, field in each.model_fields.items():
            names.add(field.alias or key)
            todo += _models_in(field.annotation)
    return frozenset(names)
