"""Numbers in a text: number words in seven languages, and what rules them out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegates.numeral import (
    START,
    figures,
    in_english,
    is_number_word,
    numbers_in,
    roman,
    significant,
    significant_in,
    starts,
)  # fmt: skip

SPOKEN = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    " hundred thousand million first second third",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn siebzehn zwanzig"
    " dreissig vierzig fünfundzwanzig einhundertelf elftausend zwohundert hundertdrei tausendeins"
    " neunhunderttausend dritte zwölfte",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
    " vingt trente quarante cinquante soixante septante huitante nonante cent mille premier deuxième",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
    " dieciséis veinte veintidós treinta cuarenta cincuenta sesenta setenta ochenta noventa cien"
    " doscientos quinientos novecientos mil",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici quattordici sedici venti"
    " ventuno trenta ottantotto cento duecento mille duemila seimila undicimila novecentonovantanove"
    " primo",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertig zestig tachtig"
    " eenentwintig tweeëntwintig honderd elfhonderd zesduizend vijfenzeventigduizend eerste derde",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezasseis"
    " dezoito vinte trinta quarenta cinquenta sessenta setenta oitenta noventa cem cento duzentos"
    " quinhentos novecentos mil",
}


@pytest.mark.parametrize("language", SPOKEN)
def test_no_number_word_is_ruled_out_by_how_it_begins(language: str) -> None:
    for word in SPOKEN[language].split():
        assert is_number_word(word, language), word
        assert language in starts()[word[:START]], word


@pytest.mark.parametrize("word", ["the", "offer", "warranty", "months", "haus", "prix", "precio", "prezzo"])
def test_ordinary_words_are_not_numbers(word: str) -> None:
    assert not any(is_number_word(word, language) for language in SPOKEN)
    assert not numbers_in(word)


def test_a_zero_that_counts_only_beside_others_is_found() -> None:
    assert 900 in numbers_in("nine o o")


@given(st.integers(0, 10**6), st.sampled_from(["{}", "{:,}", "{}.50", "0{}0"]))
def test_significant_digits_rule_out_nothing_that_is_read(number: int, form: str) -> None:
    text = f"it is {form.format(number)} or so"
    found = significant_in(text)
    assert found is None or {significant(n) for n in numbers_in(text)} <= found


@pytest.mark.parametrize(
    "text", ["9k400", "12000 and 40", "9 1000 4", "1 2 0 0 0", "9 4,0 0", "2.5k 30%", "007 e3"]
)
def test_significant_digits_rule_out_no_mixture(text: str) -> None:
    found = significant_in(text)
    assert found is not None
    assert {significant(n) for n in numbers_in(text)} <= found


@pytest.mark.parametrize("text", ["1 " * 50, "91000400", "11000, 6"])
def test_figures_that_are_hard_to_read_rule_out_nothing(text: str) -> None:
    assert significant_in(text) is None


def test_what_cannot_be_written_in_figures_has_no_significant_digits() -> None:
    assert significant(Fraction(1, 3)) is None
    assert significant(Fraction(85, 2)) == "425"
    assert significant(12_500) == "125"
    assert significant(0) == ""


def test_roman_numerals_are_written_as_they_are_read() -> None:
    for number in (4, 9, 49, 1404, 3999, 9400):
        assert number in numbers_in(roman(number))
    assert roman(5) == roman(Fraction(1, 2)) == roman(0) == ""


def test_figures_say_where_they_stand() -> None:
    text = "from 12k to 11,500 eur or 20 %"
    found = [
        (figure.numbers, text[figure.start : figure.end].strip(), figure.percent) for figure in figures(text)
    ]
    assert found == [
        ({12, 12_000}, "12k", False),
        ({11_500, Fraction(23, 2)}, "11,500", False),
        ({20, Fraction(1, 5)}, "20 %", True),
    ]


def test_english_number_words_become_digits() -> None:
    assert in_english("i can do eleven thousand five hundred") == "i can do 11500"
    assert in_english("nothing to see") == "nothing to see"


def test_figures_spaced_out_are_one_number_whatever_words_stand_beside_them() -> None:
    """A part of them was another number as soon as there was a number word: the two letters in the middle of "look"."""
    for text in ("it is 6 6 0 0 0", "l o o k at 6 6 0 0 0"):
        assert 66_000 in numbers_in(text)
        assert 6_600 not in numbers_in(text)
