"""Scenario files: what is read, and what every bad one is told."""

import copy
import os
import pickle
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bargaining.errors import InvalidInputError
from delegates import scenario
from delegates.document import LARGEST_BYTES, read

SECRET = "canary_7731_heron"  # could be a name, so that nothing hides it but care
NO_NAME = "canary-7731-heron"  # could not: wherever it stands, it is not a public issue or role
BASE = """\
agenda:
  title: Sale of a boat
  roles: [seller, buyer]
  rounds: 4
  issues:
    - name: price
      kind: integer
      minimum: 0
      maximum: 100
      step: 10
    - {name: colour, kind: categorical, options: [red, blue]}
    - {name: oars, kind: boolean}
briefs:
  seller:
    narrative: I sell my boat.
    facts:
      - text: It floats.
        disclosure: free
      - text: It leaks.
        disclosure: never
        keywords: [leak]
    preferences:
      issues:
        price: {weight: 0.1, points: {0: 0, 100: 100}}
        colour: {scores: {red: 0, blue: 5}}
        oars: {scores: {true: 0, false: 5}}
    mandate:
      conditions:
        - at_least: {price: 30}
      reservation_value: 4
  buyer:
    narrative: I want a boat.
    mandate:
      conditions:
        - at_most: {price: 70}
models: {seller: tactic/boulware}
prompts: {buyer: hardball}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "boat.yaml"


def refusal(file: Path, content: str | bytes) -> str:
    """The message that a bad file gets, without the folder; it never holds the secret, nor does its chain."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidInputError) as caught:
        scenario.load(file)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    return str(caught.value).replace(f"{file.parent}/", "")


def test_a_scenario_is_read_as_it_is_written(file: Path) -> None:
    file.write_text(BASE)
    read_scenario = scenario.load(file)
    assert read_scenario.agenda.roles == ("seller", "buyer")
    assert read_scenario.agenda.space.size == 11 * 2 * 2
    assert list(read_scenario.briefs) == ["seller", "buyer"]
    assert read_scenario.models == {"seller": "tactic/boulware"}
    assert read_scenario.prompts == {"buyer": "hardball"}


def test_a_scenario_is_taken_for_real_unless_it_says_otherwise(file: Path) -> None:
    file.write_text(BASE)
    assert not scenario.load(file).synthetic
    file.write_text(f"synthetic: false\n{BASE}")
    assert not scenario.load(file).synthetic
    file.write_text(f"synthetic: true\n{BASE}")
    assert scenario.load(file).synthetic


@pytest.mark.parametrize("name", scenario.shipped())
def test_every_shipped_scenario_is_made_up(name: str) -> None:
    assert scenario.load(name).synthetic


def test_decimals_stay_exact(file: Path) -> None:
    file.write_text(BASE)
    preferences = scenario.load(file).briefs["seller"].preferences
    assert preferences is not None
    assert preferences.issues["price"].weight == Fraction(1, 10)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "True", "FALSE"])
def test_only_true_and_false_are_booleans(file: Path, word: str) -> None:
    file.write_text(f"option: {word}\n")
    assert read(file).data == {"option": word}


def test_a_scenario_shows_nothing_of_its_briefs(file: Path) -> None:
    file.write_text(BASE.replace("I sell my boat.", SECRET))
    read_scenario = scenario.load(file)
    assert SECRET not in repr(read_scenario)
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(read_scenario)


def test_an_agenda_and_a_brief_can_be_files_of_their_own(tmp_path: Path) -> None:
    lines = BASE.splitlines()
    agenda_file, brief_file = tmp_path / "agenda.yaml", tmp_path / "brief.yaml"
    agenda_file.write_text("\n".join(line[2:] for line in lines[1:12]))
    brief_file.write_text("\n".join(line[4:] for line in lines[14:30]))
    agenda = scenario.load_agenda(agenda_file)
    brief = scenario.load_brief(brief_file, agenda, "seller")
    assert agenda.title == "Sale of a boat"
    assert brief.narrative == "I sell my boat."
    with pytest.raises(InvalidInputError, match="'seller' and 'buyer'"):
        scenario.load_brief(brief_file, agenda, "tenant")


def test_a_brief_of_its_own_is_checked_against_the_agenda(tmp_path: Path) -> None:
    lines = BASE.splitlines()
    agenda_file, brief_file = tmp_path / "agenda.yaml", tmp_path / "brief.yaml"
    agenda_file.write_text("\n".join(line[2:] for line in lines[1:12]))
    brief_file.write_text("narrative: text\nmandate:\n  conditions:\n    - at_least: {price: 500}\n")
    agenda = scenario.load_agenda(agenda_file)
    with pytest.raises(InvalidInputError, match=r"brief\.yaml:2: mandate: the mandate allows no outcome"):
        scenario.load_brief(brief_file, agenda, "buyer")


BAD = [
    # what is replaced, by what, and what is said
    ("  title: Sale of a boat\n", "", "1: agenda.title: this field is required"),
    ("title: Sale of a boat", "title: 2024", "2: agenda.title: expected text; put it in quotes"),
    ("title: Sale of a boat", "title: [a]", "2: agenda.title: expected text"),
    ("[seller, buyer]", "[seller]", "3: agenda.roles: too few items"),
    ("[seller, buyer]", "seller", "3: agenda.roles: expected a list"),
    ("[seller, buyer]", "[seller, seller]", "1: agenda: the two roles have the same name"),
    ("[seller, buyer]", f"[seller, {SECRET} X]", "3: agenda.roles[1]: expected lower-case letters"),
    ("rounds: 4", "rounds: 0", "4: agenda.rounds: expected greater than or equal to 1"),
    ("rounds: 4", f"rounds: {SECRET}", "4: agenda.rounds: expected a whole number"),
    ("rounds: 4", "rounds: 2.5", "4: agenda.rounds: expected a whole number"),
    ("rounds: 4", "rounds: yes", "4: agenda.rounds: expected a whole number"),
    ("rounds: 4", "rounds:", "4: agenda.rounds: expected a whole number"),
    ("rounds: 4", "rounds: 4\n  deadline: 4", "5: agenda: unknown field; there are"),
    ("rounds: 4", "roundz: 4", "4: agenda: unknown field; did you mean 'rounds'?"),
    ("rounds: 4", f"rounds: 4\n  {SECRET}: {SECRET}", "5: agenda: unknown field"),
    ("kind: integer", "kind: number", "7: agenda.issues[0].kind: expected 'categorical', 'integer', 'boolean'"),
    ("kind: integer", f"kind: {SECRET}", "7: agenda.issues[0].kind: expected 'categorical', 'integer', 'boolean'"),
    ("      kind: integer\n", "", "6: agenda.issues[0].kind: this field is required"),
    ("maximum: 100", "maximum: 95", "6: agenda.issues[0]: maximum is not on the grid"),
    ("maximum: 100", "maxium: 100", "9: agenda.issues[0]: unknown field; did you mean 'maximum'?"),
    ("minimum: 0", "minimum: 200", "6: agenda.issues[0]: maximum is below minimum"),
    ("name: colour", "name: price", "1: agenda: two issues have the same name"),
    ("[red, blue]", "[red, red]", "11: agenda.issues[1]: two options have the same name"),
    ("[red, blue]", "[red, 5]", "11: agenda.issues[1].options[1]: expected text; put it in quotes"),
    ("narrative: I sell", f"narative: {SECRET}", "15: briefs.seller: unknown field; did you mean 'narrative'?"),
    ("    narrative: I want a boat.\n", "", "31: briefs.buyer.narrative: this field is required"),
    ("disclosure: never", f"disclosure: {SECRET}", "20: briefs.seller.facts[1].disclosure: expected 'never'"),
    ("        disclosure: never\n", "", "19: briefs.seller.facts[1].disclosure: this field is required"),
    ("text: It leaks.", f"text: {SECRET}\n        {SECRET}: x", "20: briefs.seller.facts[1]: unknown field"),
    ("[leak]", "[l]", "21: briefs.seller.facts[1].keywords[0]: String should have at least 2 characters"),
    ("weight: 0.1", f"weight: {SECRET}", "24: briefs.seller.preferences.issues.price.weight: expected a number such"),
    ("weight: 0.1", "weight: -1", "24: briefs.seller.preferences.issues.price.weight: must not be negative"),
    ("weight: 0.1", "weight: 1e99999", "24: briefs.seller.preferences.issues.price.weight: expected a number such"),
    ("100: 100}", f"100: {SECRET}" + "}", "24: briefs.seller.preferences.issues.price.points: expected a number"),
    ("100: 100}", f"{SECRET}: 100" + "}", "24: briefs.seller.preferences.issues.price.points: expected a whole number"),
    ("100: 100}", "90: 100}", "22: briefs.seller.preferences: the points of issue 'price' do not reach both ends"),
    ("colour: {scores", f"{SECRET}: {{scores", "22: briefs.seller.preferences: the preferences name an issue"),
    ("        oars: {scores: {true: 0, false: 5}}\n", "", "22: briefs.seller.preferences: the preferences say"),
    ("{true: 0, false: 5}", "{yes: 0, no: 5}", "22: briefs.seller.preferences: the scores of issue 'oars' name"),
    ("colour: {scores", "colour: {points", "25: briefs.seller.preferences.issues.colour.points: expected a whole"),
    ("colour: {scores: {red: 0, blue: 5}}", "colour: {weight: 1}", "25: briefs.seller.preferences.issues.colour:"),
    ("- at_least: {price: 30}", f"- at_least: {{price: 30}}\n          {SECRET}: 1", "30: briefs.seller.mandate.cond"),
    ("- at_least: {price: 30}", f"- {SECRET}: 1", "29: briefs.seller.mandate.conditions[0]: expected exactly one of"),
    ("at_least: {price: 30}", f"at_least: {{price: {SECRET}}}", "29: briefs.seller.mandate.conditions[0].at_least.pri"),
    ("at_least: {price: 30}", f"at_least: {{{SECRET}: 30}}", "27: briefs.seller.mandate: a condition names an issue"),
    ("at_least: {price: 30}", "at_least: {oars: 1}", "27: briefs.seller.mandate: issue 'oars' has no order"),
    ("at_least: {price: 30}", "at_least: {price: 101}", "27: briefs.seller.mandate: the mandate allows no outcome"),
    ("at_least: {price: 30}", f"is: {{colour: {SECRET}}}", "27: briefs.seller.mandate: a condition names a value"),
    ("at_least: {price: 30}", "all: []", "29: briefs.seller.mandate.conditions[0].all:"),
    ("reservation_value: 4", "reservation_value: 99", "27: briefs.seller.mandate: the mandate allows no outcome"),
    ("reservation_value: 4", f"reservation_value: {SECRET}", "30: briefs.seller.mandate.reservation_value: expected"),
    ("reservation_value: 4", "reservation: 4", "30: briefs.seller.mandate: unknown field; did you mean 'reservation_v"),
    ("{price: 70}", "{price: 70}\n      reservation_value: 4", "33: briefs.buyer.mandate: a reservation value needs"),
    ("{price: 70}", "{price: 70}\n      authority: {accept: yes}", "36: briefs.buyer.mandate.authority.accept: exp"),
    ("{price: 70}", "{price: 70}\n      limits: {tokens: 0}", "36: briefs.buyer.mandate.limits.tokens: expected"),
    ("  buyer:\n", f"  {SECRET}:\n", "13: briefs: no brief for the role 'buyer'"),
    ("{seller: tactic/boulware}", f"{{{SECRET}: tactic/x}}", "36: models: not a role of the agenda; its roles are"),
    ("{seller: tactic/boulware}", "{seller: [a]}", "36: models.seller: expected text"),
    ("{buyer: hardball}", "hardball", "37: prompts: expected a mapping"),
    ("models:", "model:", "36: unknown field; did you mean 'models'?"),
    ("prompts:", f"synthetic: {SECRET}\nprompts:", "37: synthetic: expected true or false"),
    ("prompts:", "synthetic: 1\nprompts:", "37: synthetic: expected true or false"),
    ("I sell my boat.", f"'{SECRET}", ":"),
    ("I sell my boat.", f"&a {SECRET}", "15: anchors (&) and aliases (*) are not read"),
    ("I sell my boat.", f"*{SECRET}", "15: anchors (&) and aliases (*) are not read"),
    ("I sell my boat.", f"!{SECRET} x", "15: tags (!) are not read"),
    ("I sell my boat.", "!!python/object/apply:os.system [id]", "15: tags (!) are not read"),
    ("I sell my boat.", f"I sell: {SECRET}", "15: not valid YAML here"),
    ("I sell my boat.", f"\t{SECRET}\n\t: {SECRET}", ": not valid YAML here"),
    ("I sell my boat.", f"{SECRET}\x07", "holds a character that YAML does not allow"),
    ("I sell my boat.", f"x\n    narrative: {SECRET}", "16: the same name is used twice in one mapping"),
    ("I sell my boat.", "{[a]: b}", "15: expected a name before the colon"),
    ("I sell my boat.", "[" * 40 + SECRET + "]" * 40, "15: nested deeper than 24 levels"),
    ("I sell my boat.", f"{'x' * 20_001}", "15: briefs.seller.narrative: String should have at most 20000"),
    (BASE, f"- {SECRET}\n", "1: expected a mapping at the top level"),
    (BASE, SECRET, "1: expected a mapping at the top level"),
    ("models:", f"---\nbriefs: {SECRET}\nmodels:", "36: a second document"),
    ("briefs:", f"briefs: {SECRET}\nbriefe:", "13: briefs: expected a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_with_its_field_and_without_its_value(
    file: Path, old: str, new: str, expected: str
) -> None:
    assert BASE.count(old) >= 1
    message = refusal(file, BASE.replace(old, new, 1))
    prefix = "boat.yaml:" if expected[0].isdigit() else ""
    assert f"{prefix}{expected}" in message


def test_all_problems_are_told_at_once_and_in_order(file: Path) -> None:
    message = refusal(
        file, BASE.replace("rounds: 4", "rounds: 0").replace("It floats.", "''").replace("30}", "x}")
    )
    assert [line.split(":")[1] for line in message.splitlines()] == ["4", "17", "29"]


def test_no_more_than_ten_problems_are_told(file: Path) -> None:
    broken = BASE.replace("[leak]", "[" + ", ".join("abcdefghijkl") + "]")
    lines = refusal(file, broken).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "… and more"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "boat.yaml: the file is empty"),
        (b" \n\n", "boat.yaml: the file is empty"),
        (b"# nothing but a comment\n", "boat.yaml:1: expected a mapping"),
        (f"title: {SECRET}\nx: \xff".encode("latin-1"), "boat.yaml:2: not UTF-8 text"),
        (SECRET.encode("utf-16"), "boat.yaml:1: not UTF-8 text"),
        (b"a: 1\n" * (LARGEST_BYTES // 5 + 1), "boat.yaml: larger than 1 MiB"),
    ],
    ids=["empty", "blank", "comment", "latin-1", "utf-16", "large"],
)
def test_a_file_that_is_no_text_is_refused(file: Path, content: bytes, expected: str) -> None:
    assert expected in refusal(file, content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no such file"):
        scenario.load(tmp_path / "nowhere.yaml")
    with pytest.raises(InvalidInputError, match="is a folder"):
        scenario.load(tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        scenario.load("a" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_refused(file: Path) -> None:
    file.write_text(BASE)
    file.chmod(0)
    with pytest.raises(InvalidInputError, match="cannot be read: Permission denied"):
        scenario.load(file)


FRAGMENTS = st.sampled_from(
    [NO_NAME, f"{NO_NAME}:", f"- {NO_NAME}", f"{{{NO_NAME}: {NO_NAME}}}", "{", "]", "'", '"', "\t", "&a ", "*a", "!x ",
     "|\n", ">", ":", "? ", "- ", "null", "true", "1e400", "9" * 60, "#2", "\n", "   ", "---\n", "\ud7ff", "\u2028",
     "\x00", "%YAML 9.9\n"]
)  # fmt: skip


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(BASE)), st.integers(0, 12), FRAGMENTS), min_size=1, max_size=4))
def test_any_mutation_loads_or_is_refused_without_a_value(edits: list[tuple[int, int, str]]) -> None:
    text = BASE
    for position, length, fragment in edits:
        text = text[:position] + fragment + text[position + length :]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "boat.yaml"
        file.write_bytes(text.encode())
        refused: InvalidInputError | None = None
        try:
            scenario.load(file)
        except InvalidInputError as error:
            refused = error
    assert refused is None or (NO_NAME not in str(refused) and refused.__context__ is None)


def test_a_file_full_of_mistakes_is_refused_in_seconds(file: Path) -> None:
    mistakes = "".join(f"k{number}: 1\n" for number in range(80_000))
    started = time.process_time()
    assert refusal(file, mistakes).endswith("… and more")
    assert time.process_time() - started < 10


def test_a_new_scenario_is_never_written_over_another_file(tmp_path: Path) -> None:
    file = scenario.create("mine", tmp_path)
    with pytest.raises(InvalidInputError, match="exists already"):
        scenario.create("mine", tmp_path)
    with pytest.raises(InvalidInputError, match="a name has"):
        scenario.create("../mine", tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        scenario.create("mine", file / "below")
    assert scenario.load(file).agenda.roles == ("owner", "tenant")
