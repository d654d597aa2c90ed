"""What decoded text says nothing, and that it does not."""

import unicodedata

import pytest

from delegates.reading import fold
from delegates.trace import idle

IDLE = idle([], [], [])


def test_characters_of_far_scripts_never_become_ascii() -> None:
    """Nor digits, of which an idle text may have two."""
    for code in [*range(0xD800), *range(0xE000, 0x10000)]:
        character = chr(code)
        if character.isascii() or not IDLE.fullmatch(character):
            continue
        forms = (character, character.upper(), unicodedata.normalize("NFKD", character))
        folded = "".join(fold(form) for form in forms) + "".join(
            fold(unicodedata.normalize("NFKD", f)) for f in forms
        )
        assert not folded.strip() or not folded.isascii() or character.isdecimal(), f"U+{code:04X}"


@pytest.mark.parametrize("text", ["5*", "-s?", "瞶窦⛺", "᮲ꉧ", "ab", "\x0bw"])
def test_garbage_is_idle(text: str) -> None:
    assert IDLE.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["9k", "k9", "9m", "94", "940", "mil", "MIL", "cem", "9400", "abcd", "２３４瞶", "clutch"]
)
def test_what_may_be_a_number_or_a_phrase_is_not_idle(text: str) -> None:
    assert not IDLE.fullmatch(text)


def test_what_a_secret_has_is_not_idle() -> None:
    assert not idle(["ab"], [], []).fullmatch("ab")
    assert not idle(["ab"], [], []).fullmatch("B_A")
    assert not idle(["ab"], [], []).fullmatch("no")  # in rot13
    assert not idle([], ["xii"], []).fullmatch("xii")
    assert not idle(["离合器"], [], []).fullmatch("瞶窦")
    assert not idle([], [], ["人民币"]).fullmatch("瞶窦")
