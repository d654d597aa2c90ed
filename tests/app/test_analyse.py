"""`negbox analyse`: the numbers, the pictures, and that bad input is explained without showing a brief."""

import json
import struct
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from app.assessment import assess
from app.sketch import sketch
from bargaining.agreement import Agreement, NoDeal
from delegates.scenario import load
from sandbox.export import release
from tests.app.command import CANARY, Terminal, in_process

TRADE = f"""\
synthetic: true
agenda:
  title: Terms of a small trade
  roles: [persona, developer]
  rounds: 8
  issues:
    - {{name: blog, kind: categorical, options: [none, opt_in, in_product]}}
    - {{name: flag, kind: boolean}}
    - {{name: cooperate, kind: boolean}}
briefs:
  persona:
    narrative: I like to swear. {CANARY}
    facts:
      - {{text: I hide. {CANARY}, disclosure: never, keywords: [{CANARY}]}}
    preferences:
      issues:
        blog: {{scores: {{none: 0, opt_in: 60, in_product: 100}}}}
        flag: {{scores: {{true: 0, false: 0}}}}
        cooperate: {{scores: {{true: 0, false: 0}}}}
    mandate: {{reservation_value: 25}}
    outside_options: [{CANARY}]
  developer:
    narrative: I answer for the model. {CANARY}
    preferences:
      issues:
        blog: {{scores: {{none: 0, opt_in: -5, in_product: -100}}}}
        flag: {{scores: {{true: 40, false: 0}}}}
        cooperate: {{scores: {{true: 40, false: 0}}}}
    mandate: {{reservation_value: -20}}
"""
Terms: TypeAlias = dict[str, str | bool]
FULL: Terms = {"blog": "opt_in", "flag": True, "cooperate": True}
HALF: Terms = {"blog": "opt_in", "flag": False, "cooperate": True}
OUTSIDE: Terms = {"blog": "none", "flag": True, "cooperate": True}
CONCEPTS = ("nash", "kalai", "kalai_smorodinsky", "welfare")


@pytest.fixture
def trade(tmp_path: Path) -> Path:
    """A scenario of twelve outcomes with worked values: no agreement is worth 25 and -20."""
    path = tmp_path / "trade.yaml"
    path.write_text(TRADE)
    return path


def changed(trade: Path, *changes: tuple[str, str]) -> Path:
    text = trade.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    trade.write_text(text)
    return trade


def agree(trade: Path, terms: Terms | None) -> Path:
    """An agreement.json as a run writes it."""
    result = NoDeal() if terms is None else Agreement(terms=dict(terms))
    path = trade.with_name("agreement.json")
    path.write_bytes(release(result, load(trade).agenda))
    return path


def found(negbox: Terminal, *arguments: str | Path) -> dict[str, Any]:
    ended = negbox("analyse", *arguments, "--json")
    assert ended.code == 0, ended.shown
    assert ended.err == ""
    assert CANARY not in ended.out
    parsed: dict[str, Any] = json.loads(ended.out)
    return parsed


def exact(numbers: Mapping[str, Mapping[str, Any]]) -> list[Fraction]:
    for number in numbers.values():
        assert number["float"] == float(Fraction(number["exact"]))
    return [Fraction(number["exact"]) for number in numbers.values()]


# The numbers


def test_counts_bits_and_solutions_have_the_worked_values(negbox: Terminal, trade: Path) -> None:
    said = found(negbox, trade)
    assert said["outcomes"] == {
        "all": 12,
        "allowed": {"persona": 8, "developer": 9},
        "allowed_by_both": 5,
        "rational": 5,
    }
    assert said["export_bits"]["public"] == pytest.approx(3.700439718)
    assert said["export_bits"]["reachable"] == pytest.approx(2.584962501)
    assert exact(said["disagreement"]) == [25, -20]
    assert exact(said["ideal"]) == [100, 75]
    assert [exact(point["utility"]) for point in said["frontier"]] == [[100, -20], [60, 75]]
    for concept in CONCEPTS:
        assert said["solutions"][concept]["terms"] == FULL
        assert exact(said["solutions"][concept]["gain"]) == [35, 95]
    assert said["result"] is None
    assert said["offers"] == []


def test_fractions_stay_exact(negbox: Terminal, trade: Path) -> None:
    changed(trade, ("opt_in: 60", "opt_in: 181/3"))
    assert found(negbox, trade)["solutions"]["nash"]["utility"]["persona"]["exact"] == "181/3"


def test_an_efficient_agreement_has_nothing_better(negbox: Terminal, trade: Path) -> None:
    result = found(negbox, trade, agree(trade, FULL))["result"]
    assert result["efficient"] is True
    assert result["better"] is None
    assert result["capture"]["exact"] == "1"
    assert result["distances"] == dict.fromkeys(CONCEPTS, 0.0)
    assert result["inside_mandate"] == {"persona": True, "developer": True}


def test_an_inefficient_agreement_is_told_with_what_is_better_for_both(negbox: Terminal, trade: Path) -> None:
    result = found(negbox, trade, agree(trade, HALF))["result"]
    assert result["terms"] == HALF
    assert exact(result["utility"]) == [60, 35]
    assert result["efficient"] is False
    assert result["better"]["terms"] == FULL
    assert result["capture"]["exact"] == "9/13"
    assert result["distances"]["nash"] == pytest.approx(40 / 95)


def test_a_no_deal_is_analysed_too(negbox: Terminal, trade: Path) -> None:
    agreement = agree(trade, None)
    assert found(negbox, trade, agreement)["result"] == {"kind": "no_deal"}
    said = negbox("analyse", trade, agreement).out
    assert "no deal; 5 outcomes would have left neither side worse off" in " ".join(said.split())


def test_an_agreement_outside_a_mandate_is_named(negbox: Terminal, trade: Path) -> None:
    agreement = agree(trade, OUTSIDE)
    result = found(negbox, trade, agreement)["result"]
    assert result["inside_mandate"] == {"persona": False, "developer": True}
    assert result["better"] is None
    assert "outside the persona's mandate" in " ".join(negbox("analyse", trade, agreement).out.split())


def test_mandates_without_overlap_leave_no_solutions(negbox: Terminal, trade: Path, tmp_path: Path) -> None:
    changed(trade, ("reservation_value: 25", "reservation_value: 61"), ("value: -20", "value: 0"))
    agreement = agree(trade, FULL)
    said = found(negbox, trade, agreement, "--png", tmp_path / "p.png", "--svg", tmp_path / "p.svg")
    assert said["solutions"] == dict.fromkeys(CONCEPTS)
    assert said["frontier"] == []
    assert said["ideal"] is None
    assert said["result"]["capture"] is None
    assert said["result"]["distances"] == {}
    ended = negbox("analyse", trade, agreement)
    assert ended.code == 0, ended.shown
    assert "none is possible" in ended.out


def test_without_reservation_values_no_agreement_is_the_worst_outcome(negbox: Terminal, trade: Path) -> None:
    changed(trade, ("mandate: {reservation_value: 25}", "mandate: {}"))
    assert exact(found(negbox, trade)["disagreement"]) == [0, -20]
    assert "persona 0 (worst outcome)" in negbox("analyse", trade).out


def test_the_table_shows_terms_utilities_gains_and_distances(negbox: Terminal, trade: Path) -> None:
    lines = negbox("analyse", trade, agree(trade, HALF), "--no-picture").out.splitlines()
    rows = {" ".join(line.split()[:-3]): line.split()[-3:] for line in lines if len(line.split()) > 3}
    assert rows["blog"] == ["opt_in", "opt_in", "opt_in"]
    assert rows["flag"] == ["yes", "no", "yes"]
    assert rows["developer: utility"] == ["75", "35", "75"]
    assert rows["developer: gain"] == ["+95", "+55", "+95"]
    assert rows["sum of gains"] == ["+130", "+90", "+130"]
    assert ["distance", "0.421"] in [line.split() for line in lines]


# From a run to its picture


def test_what_a_run_kept_is_analysed_from_its_folder(negbox: Terminal, trade: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = negbox("run", trade, "--model", "tactic/boulware", "--quiet", "--keep-offers", "--out", out)
    assert ran.code == 0, ran.shown
    said = found(negbox, trade, out)
    assert said["result"]["terms"] == json.loads((out / "agreement.json").read_text())["terms"]
    kept = json.loads((out / "offers.json").read_text())["offers"]
    assert [(o["round"], o["role"], o["terms"]) for o in said["offers"]] == [
        (o["round"], o["role"], o["terms"]) for o in kept
    ]
    assert exact(said["offers"][0]["utility"]) == [100, -100]
    shown = negbox("analyse", trade, out).out
    assert "offers by the persona" in shown
    assert "★ agreement" in shown


def test_a_folder_without_offers_has_an_agreement_only(negbox: Terminal, trade: Path) -> None:
    agree(trade, FULL)
    assert found(negbox, trade, trade.parent)["offers"] == []


def test_more_rounds_do_not_make_it_another_agenda(negbox: Terminal, trade: Path) -> None:
    """A run may be given other rounds than its scenario has; the outcomes are the same."""
    agreement = agree(changed(trade, ("rounds: 8", "rounds: 200")), FULL)
    changed(trade, ("rounds: 200", "rounds: 8"))
    assert found(negbox, trade, agreement)["result"]["terms"] == FULL


# The pictures


def test_a_png_has_its_size_and_an_svg_its_labels(negbox: Terminal, trade: Path, tmp_path: Path) -> None:
    png, svg = tmp_path / "p.png", tmp_path / "p.svg"
    ended = negbox("analyse", trade, agree(trade, HALF), "--png", png, "--svg", svg, "--no-picture")
    assert ended.code == 0, ended.shown
    assert [line.split()[0] for line in ended.out.splitlines()[-2:]] == ["written", "written"]
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1600, 1024)
    texts = {"".join(element.itertext()) for element in ET.fromstring(svg.read_text()).iter()}
    for label in (
        "Terms of a small trade",
        "persona: utility",
        "developer: utility",
        "Pareto frontier",
        "no agreement",
        "agreement",
        "both gain",
        "Nash",
    ):
        assert label in texts


def test_equal_pictures_are_equal_bytes(negbox: Terminal, trade: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        files = tmp_path / f"{name}.png", tmp_path / f"{name}.svg"
        assert negbox("analyse", trade, "--json", "--png", files[0], "--svg", files[1]).code == 0
    for kind in ("png", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert "<dc:date>" not in (tmp_path / "a.svg").read_text()


def test_a_large_space_makes_a_small_file(negbox: Terminal, tmp_path: Path) -> None:
    svg = tmp_path / "p.svg"
    assert negbox("analyse", "job-offer", "--no-picture", "--svg", svg).code == 0
    assert svg.stat().st_size < 1_000_000


@pytest.mark.parametrize("title", ["Sale at $5, or $6", "談判", "A_1^2 & <b>"])
def test_any_title_can_be_drawn(negbox: Terminal, trade: Path, tmp_path: Path, title: str) -> None:
    changed(trade, ("title: Terms of a small trade", f"title: '{title}'"))
    svg = tmp_path / "p.svg"
    ended = negbox("analyse", trade, "--png", tmp_path / "p.png", "--svg", svg)
    assert ended.code == 0, ended.shown
    assert ended.err == ""
    assert title in ended.out
    assert title in {element.text for element in ET.fromstring(svg.read_text()).iter()}


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["used-truck", "job-offer"])
def test_the_picture_in_the_terminal_fits_its_width(
    negbox: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = negbox("analyse", name).out.splitlines()
    frame = [line for line in lines if "─" in line]
    assert max(map(len, lines)) <= columns
    assert columns - 2 <= max(map(len, frame)) <= columns
    shown = "\n".join(lines)
    for sign in ("N", "S", "×", "•", "░", "utility →", "utility ↑"):
        assert sign in shown
    assert "\x1b" not in shown


def test_colours_change_nothing_but_colours(trade: Path) -> None:
    from plotext import uncolorize  # type: ignore[import-untyped]

    picture = assess(load(trade)).picture
    plain, coloured = (sketch(picture, 80, colours=colours) for colours in (False, True))
    assert "\x1b[" not in plain.text
    assert "\x1b[" in coloured.text
    bare = "\n".join(line.rstrip() for line in uncolorize(coloured.text).splitlines())
    assert bare.rstrip() == plain.text


def test_the_terminal_picture_can_be_left_out(negbox: Terminal, trade: Path) -> None:
    assert "┤" in negbox("analyse", trade).out
    assert "┤" not in negbox("analyse", trade, "--no-picture").out


def test_a_colour_terminal_is_asked_for_no_colour_by_its_variable(trade: Path) -> None:
    environment = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"}
    assert "\x1b[" in in_process("analyse", trade, environment=environment).out
    bare = in_process("analyse", trade, environment={**environment, "NO_COLOR": "1"}).out
    assert "38;5;" not in bare


# What is written, loaded and refused


def test_nothing_is_written_but_what_was_asked_for(
    negbox: Terminal, trade: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cwd"
    place.mkdir()
    monkeypatch.chdir(place)
    assert negbox("analyse", trade).code == 0
    assert list(place.iterdir()) == []
    assert negbox("analyse", trade, "--png", "p.png").code == 0
    assert [path.name for path in place.iterdir()] == ["p.png"]


@pytest.mark.parametrize("arguments", [("--help",), ("analyse", "--help"), ("run", "used-truck")])
def test_pictures_load_only_where_they_are_drawn(arguments: tuple[str, ...]) -> None:
    import subprocess
    import sys

    code = (
        "import sys, app.cli, app.exits\n"
        f"sys.argv = ['negbox', *{arguments!r}]\n"
        "if 'run' in sys.argv: sys.argv += ['--model', 'tactic/boulware', '-q']\n"
        "code = app.exits.guarded(app.cli.app)\n"
        "sys.stderr.write(f'{code} ' + ' '.join(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    status, *modules = ended.stderr.split()
    assert status == "0"
    assert {"matplotlib", "plotext"} & set(modules) == set()


def explained(negbox: Terminal, *arguments: str | Path, phrase: str) -> None:
    ended = negbox("analyse", *arguments, "--json")
    assert ended.code == 2, ended.shown
    assert ended.out == ""
    assert phrase in " ".join(ended.err.split()), ended.err
    assert len(ended.err.splitlines()) < 10
    for secret in (CANARY, "Traceback", "pydantic", "site-packages"):
        assert secret not in ended.err


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "not a file that negbox run --out wrote"),
        (b"{", "not a file that negbox run --out wrote"),
        (b"\xff\xfe", "not a file that negbox run --out wrote"),
        (b"[" * 100_000, "not a file that negbox run --out wrote"),
        (f'{{"{CANARY}": "{CANARY}"}}'.encode(), "not a file that negbox run --out wrote"),
        (
            b'{"agenda":"sha256:0","result":"no_deal","terms":null,"type":"negbox/agreement/v1"}',
            "another agenda",
        ),
        (
            b'{"agenda":"sha256:0","result":"no_deal","terms":null,"type":"negbox/statement/v1"}',
            "not a file that",
        ),
    ],
    ids=["empty", "cut off", "binary", "deep", "other JSON", "other agenda", "statement"],
)
def test_a_file_that_is_no_agreement_is_explained(
    negbox: Terminal, trade: Path, tmp_path: Path, content: bytes, phrase: str
) -> None:
    file = tmp_path / "agreement.json"
    file.write_bytes(content)
    explained(negbox, trade, file, phrase=phrase)
    explained(negbox, trade, tmp_path, phrase=phrase)


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ('"opt_in"', f'"{CANARY}"', "no such value for issue 'blog'"),
        ('"flag"', f'"{CANARY}"', "a term that is not an issue of this agenda"),
        ('"agreement",', '"no_deal",', "a no deal has none"),
    ],
)
def test_terms_that_do_not_fit_are_explained(
    negbox: Terminal, trade: Path, old: str, new: str, phrase: str
) -> None:
    agreement = agree(trade, FULL)
    agreement.write_text(agreement.read_text().replace(old, new))
    explained(negbox, trade, agreement, phrase=phrase)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"round":1,', '"round":0,'), ('"persona"', '"\\u001b[31m"'), ('"opt_in"', f'"{CANARY}"'), ("]", "")],
)
def test_offers_that_cannot_be_used_are_explained(
    negbox: Terminal, trade: Path, tmp_path: Path, old: str, new: str
) -> None:
    out = tmp_path / "out"
    negbox("run", trade, "--model", "tactic/boulware", "--quiet", "--keep-offers", "--out", out)
    offers = out / "offers.json"
    assert old in offers.read_text()
    offers.write_text(offers.read_text().replace(old, new))
    explained(negbox, trade, out, phrase="offers.json: not a file that negbox run --out wrote")


def test_an_agreement_of_another_scenario_is_refused(negbox: Terminal, trade: Path) -> None:
    explained(negbox, "used-truck", agree(trade, FULL), phrase="it belongs to another agenda")


@pytest.mark.parametrize("name", ["nowhere.json", "a\0b", "x" * 5000])
def test_a_missing_agreement_is_explained(negbox: Terminal, trade: Path, name: str) -> None:
    explained(negbox, trade, name, phrase="")


def test_a_folder_without_an_agreement_is_explained(negbox: Terminal, trade: Path, tmp_path: Path) -> None:
    explained(negbox, trade, tmp_path, phrase="there is no agreement.json")


def test_a_missing_scenario_is_explained(negbox: Terminal) -> None:
    explained(negbox, "nowhere.yaml", phrase="there is no such file")


def test_a_brief_without_preferences_is_told_what_to_add(negbox: Terminal, boat: Path) -> None:
    explained(
        negbox, boat, phrase="the buyer's brief does not say how much an outcome is worth: add `preferences`"
    )


def test_a_space_too_large_to_compare_is_told_so(negbox: Terminal, trade: Path) -> None:
    issue = "    - {name: bonus, kind: integer, minimum: 0, maximum: 1000000}\n"
    scores = "        bonus: {points: {0: 0, 1000000: 1}}\n        flag"
    changed(trade, ("briefs:\n", f"{issue}briefs:\n"), ("        flag", scores))
    explained(negbox, trade, phrase="more than 1,000,000 outcomes")


@pytest.mark.parametrize("option", ["--png", "--svg"])
def test_a_picture_is_never_written_over_another_file(
    negbox: Terminal, trade: Path, tmp_path: Path, option: str
) -> None:
    ending = option.replace("--", ".")
    taken = tmp_path / f"taken{ending}"
    taken.write_text("mine")
    explained(negbox, trade, option, taken, phrase="is there already")
    assert taken.read_text() == "mine"
    explained(negbox, trade, option, tmp_path / "no" / f"p{ending}", phrase="there is no folder")
    explained(negbox, trade, option, "", phrase="give the name of a file")


@pytest.mark.parametrize(("option", "name"), [("--png", "a.xyz"), ("--png", "a.svg"), ("--svg", "a")])
def test_a_name_that_promises_another_kind_of_picture_is_refused(
    negbox: Terminal, trade: Path, option: str, name: str
) -> None:
    explained(negbox, trade, option, name, phrase=f"end the name in {option.replace('--', '.')}")


@pytest.mark.parametrize("name", ["/proc/p.png", "x" * 5000 + ".png", "a\0b.png"])
def test_a_picture_that_cannot_be_written_is_explained(negbox: Terminal, trade: Path, name: str) -> None:
    explained(negbox, trade, "--png", name, phrase="cannot be written")


def test_help_says_whom_it_is_for(negbox: Terminal) -> None:
    said = negbox("analyse", "--help").out
    assert said.startswith("Usage: ")
    assert "owns both briefs" in said
    assert len(said.splitlines()) < 50
