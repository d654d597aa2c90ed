"""What a policy does to an open box and to a run: it takes away, and below its minimum nothing starts."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from app import exits
from delegates.scenario import load_agenda
from sandbox.export import agenda_digest
from sandbox.policy import Policy
from tests.app.command import CANARY, OFFER, Ended, write_script
from tests.app.parties import LEVELS, NONCE, WHOLE, Place, needs_walls, placed

pytestmark = needs_walls
RELEASE_SECONDS = 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path) as made:
        yield made


def policy(place: Place, **content: object) -> tuple[str, Path]:
    file = place.root / "policy.yaml"
    file.write_text(yaml.safe_dump(content))
    return "--policy", file


@dataclass(frozen=True, slots=True)
class Run:
    """One run under a policy that takes away all that it can."""

    place: Place
    policy: Policy
    claimed: str
    claimed_agenda: str
    ended: Ended
    seconds: float


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with placed(tmp_path_factory.mktemp("strict")) as place:
        option, file = policy(
            place,
            messages="none",
            progress="none",
            release_seconds=RELEASE_SECONDS,
            limits={"calls": 3},
            models=["scripted/*"],
        )
        model = write_script(place.root / "stubborn.json", [OFFER], cycle=True)
        host = place.open("--model", model, "--nonce", NONCE, option, file)
        claim, sealed = place.claim(), place.sealed()
        began = time.monotonic()
        ended = place.run(sealed)
        seconds = time.monotonic() - began
        assert host.ended() == exits.OK, host.shown
        yield Run(place, Policy.load(file), claim.policy, claim.agenda, ended, seconds)


def test_claim_and_statement_name_the_policy(strict: Run) -> None:
    assert strict.claimed == strict.place.statement()["policy"] == strict.policy.digest


def test_without_progress_nobody_sees_a_turn(strict: Run) -> None:
    assert "turn" not in strict.ended.shown
    assert "round" not in strict.ended.shown


def test_the_result_appears_at_a_multiple_of_the_policys_seconds(strict: Run) -> None:
    assert strict.seconds >= RELEASE_SECONDS


def test_without_messages_the_agenda_that_is_claimed_has_none(strict: Run) -> None:
    assert load_agenda(strict.place.agenda).message_characters > 0
    shown = load_agenda(strict.place.at / "agenda.yaml")
    assert shown.message_characters == 0
    assert agenda_digest(shown) == strict.claimed_agenda
    checked = strict.place.type(
        "verify", strict.place.root / "result", "--agenda", strict.place.at / "agenda.yaml", "--nonce", NONCE
    )
    assert checked.code == exits.OK, checked.shown
    assert "FAILED" not in checked.out


def test_a_limit_of_the_policy_ends_the_run_with_no_deal(strict: Run) -> None:
    assert strict.ended.code == exits.LIMITS, strict.ended.shown
    agreement = json.loads((strict.place.root / "result" / "agreement.json").read_bytes())
    assert agreement["result"] == "no_deal"


BELOW = [
    ({"models": ["anthropic/*"]}, (), exits.BAD_INPUT, "does not allow the model"),
    ({"assurance": "tee-tdx"}, (), exits.BAD_INPUT, "expected 'operator' or 'none'"),
    ({"isolation": "bwrap"}, ("--isolation", "landlock"), exits.SANDBOX, "the policy demands the isolation bwrap"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "code", "said"), BELOW)
@pytest.mark.parametrize("command", ["box open", "run"])
def test_below_the_minimum_nothing_starts(
    place: Place,
    command: str,
    content: dict[str, object],
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    if set(options) & {"landlock"} and "landlock" not in LEVELS:
        pytest.skip("this machine has no Landlock")
    where = ("--at", place.at) if command == "box open" else ("--out", place.root / "result")
    model = write_script(place.root / "any.json", [OFFER])
    ended = place.type(
        *command.split(),
        "used-truck",
        *where,
        "--model",
        model,
        *policy(place, **content),
        *options,
    )
    assert ended.code == code, ended.shown
    assert said in ended.err
    assert not place.at.exists()
    assert not (place.root / "result").exists()


def test_negbox_run_obeys_a_policy_too(place: Place) -> None:
    scenario = place.root / "boat.yaml"
    scenario.write_text(yaml.safe_dump(WHOLE))
    model = write_script(place.root / "stubborn.json", [{**OFFER, "message": "Hello."}], cycle=True)
    option = policy(
        place, messages="none", progress="none", release_seconds=RELEASE_SECONDS, limits={"calls": 3}
    )
    began = time.monotonic()
    ended = place.type(
        "run", scenario, "--model", model, "--no-advisor", "--out", place.root / "result", *option
    )
    assert time.monotonic() - began >= RELEASE_SECONDS
    assert ended.code == exits.LIMITS, ended.shown
    assert "turn 1" not in ended.shown
    assert CANARY not in ended.shown
    assert place.statement()["policy"] == Policy.load(option[1]).digest
    unsigned = place.type("run", scenario, "--model", model, *option)
    assert unsigned.code == exits.SANDBOX
    assert "the policy demands the assurance operator" in unsigned.err
    without = place.type("run", scenario, "--model", model, "--isolation", "none", *option)
    assert without.code == exits.BAD_INPUT
    assert "leave out --isolation none" in without.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--isolation", "none"), "two parties need a box"),
        (("--isolation", "docker"), "strongest, bwrap, landlock"),
        (("--nonce", "short"), "8 to 200 characters"),
        (("--nonce", "with a bell \a in it"), "8 to 200 characters"),
        (("--nonce", "made up text") * 9, "at most 8"),
        (("--model", "tactic/nonsense"), "unknown tactic"),
        (("--model", "cook=tactic/steady"), "no such role"),
        (("--max-cost", "many"), "--max-cost"),
        (("--policy", "missing.yaml"), "no such file"),
    ],
)
def test_what_no_box_can_have_is_said_before_one_is_opened(
    place: Place, options: tuple[str, ...], said: str
) -> None:
    ended = place.type("box", "open", "used-truck", "--at", place.at, "--model", "tactic/steady", *options)
    assert ended.code == exits.BAD_INPUT, ended.shown
    assert said in ended.err
    assert not place.at.exists()


def test_a_tactic_needs_a_brief_with_preferences_and_the_run_says_so(place: Place) -> None:
    """The buyer's brief has none, and only the box can see that."""
    host = place.open("--model", "tactic/steady")
    ended = place.run(place.sealed())
    assert ended.code == exits.BAD_INPUT
    assert "a brief does not fit its seat" in ended.err
    assert not (place.root / "result").exists()
    assert host.ended() == exits.OK
    assert [path.name for path in place.at.iterdir()] == ["agenda.yaml"]


@pytest.mark.parametrize("kind", ["a file", "not writable", "a folder for a socket", "a folder for a claim"])
def test_a_place_that_cannot_be_used_is_named(place: Place, kind: str) -> None:
    at = place.at
    match kind:
        case "a file":
            at.write_text("mine")
        case "not writable":
            at = Path("/proc")  # for root too
        case "a folder for a socket":
            (at / "box.sock").mkdir(parents=True)
        case _:
            (at / "claim.json").mkdir(parents=True)
    ended = place.type("box", "open", "used-truck", "--at", at, "--model", "tactic/steady")
    assert ended.code == exits.BAD_INPUT, ended.shown
    assert str(at) in ended.err
    assert "choose another folder" in ended.err


def test_a_scenario_with_briefs_is_no_agenda(place: Place) -> None:
    """Its holder would have both briefs, which a host never has."""
    scenario = place.root / "boat.yaml"
    scenario.write_text(yaml.safe_dump(WHOLE))
    ended = place.type("box", "open", scenario, "--at", place.at, "--model", "tactic/steady")
    assert ended.code == exits.BAD_INPUT
    assert CANARY not in ended.shown
    assert not place.at.exists()
