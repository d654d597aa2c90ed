import copy
import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from bargaining.mandate import Mandate
from bargaining.utility import Preferences

SECRETS: list[Any] = [
    Mandate.model_validate({"conditions": [{"at_least": {"price": 4242}}], "limits": {"tokens": 4242}}),
    Preferences.model_validate({"issues": {"price": {"points": {4242: 1, 4243: 2}}}}),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_representation_shows_nothing(secret: Any) -> None:
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert "424" not in shown
    with pytest.raises(TypeError, match="not shown"):
        secret.__rich_repr__()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_pickled_or_copied(secret: Any, take: Any) -> None:
    with pytest.raises(TypeError, match="is private"):
        take(secret)


@pytest.mark.parametrize("secret", SECRETS)
def test_it_cannot_be_changed(secret: Any) -> None:
    first = next(iter(type(secret).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(secret, first, None)


def test_an_error_gives_positions_for_the_principals_own_keys() -> None:
    with pytest.raises(ValidationError) as caught:
        Preferences.model_validate(
            {"issues": {"a": {"scores": {"x": 1}}, "b": {"points": {1: 1, 2: "no"}}}, "c": 1}
        )
    places = [problem["loc"] for problem in caught.value.errors()]
    assert places == [("issues", "#2", "points", "#2"), ("#2",)]


@pytest.mark.parametrize(
    "data", [None, 3, "SECRET", [1], {"conditions": "SECRET"}, {"conditions": [["SECRET"]]}]
)
def test_data_of_any_shape_is_refused_without_repeating_it(data: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Mandate.model_validate(data)
    assert "SECRET" not in str(caught.value)
