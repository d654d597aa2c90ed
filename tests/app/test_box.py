"""Two parties and one host: the whole way from a scenario to a result that both can check, and what is refused."""

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from app import exits
from delegates.scenario import load_agenda
from evals.residue import scan_files
from sandbox.export import agenda_digest
from sandbox.hatch import SOCKET
from sandbox.policy import Policy
from sandbox.seal import new_run_id, seal
from tests.app.command import ACCEPT, CANARY, CANARY_NUMBER, OFFER, TERMS, Ended, in_process, write_script
from tests.app.parties import NONCE, ROLES, WHOLE, Command, Place, altered, needs_walls, placed

pytestmark = needs_walls


class House(Place):
    """A host that keeps two boxes ready, in a folder whose name is too long for a socket."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.at = root / "/".join(["a-name-of-thirty-two-characters-"] * 4)
        seller = write_script(root / "seller.json", [OFFER], cycle=True)
        buyer = write_script(root / "buyer.json", [ACCEPT], cycle=True)
        models = ("--model", f"seller={seller}", "--model", f"buyer={buyer}")
        self.host: Command = self.open("--pool", "2", "--nonce", NONCE, *models)
        self.claims = 1

    def next_claim(self) -> None:
        """Wait for the box that follows one that has had its run."""
        self.claims += 1
        self.host.shows("Open: run", self.claims)

    def still_runs(self) -> None:
        """The box is there and does its work."""
        self.remove()
        ended = self.run(self.sealed())
        assert ended.code == exits.OK, ended.shown
        self.next_claim()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _no_result_yet(house: House) -> None:
    house.remove()


def refused(house: House, phrase: str, files: list[Path]) -> Ended:
    """A run is refused as bad input, and nothing is left of it."""
    ended = house.run(files)
    assert ended.code == exits.BAD_INPUT, ended.shown
    assert phrase in ended.err
    assert CANARY not in ended.shown
    assert not (house.root / "result").exists()
    return ended


def test_from_a_scenario_to_a_checked_result_as_two_parties_type_it(tmp_path: Path) -> None:
    with placed(tmp_path) as place:
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

        def typed(*arguments: str) -> str:
            ended = in_process(*arguments, environment=environment, cwd=tmp_path)
            assert ended.code == exits.OK, ended.shown
            return ended.shown

        typed("scenario", "split", "used-truck", "--dir", "parts")
        place.agenda = tmp_path / "parts" / "agenda.yaml"
        host = place.open("--model", "tactic/steady", "--nonce", "a-long-nonce")
        assert "same code as is installed here" in typed(
            "claim", "verify", "box/claim.json", "--nonce", "a-long-nonce", "--expect", "models.buyer=tactic/steady"
        )  # fmt: skip
        for role in ROLES:
            typed(
                "brief", "seal", f"parts/{role}.yaml", "--claim", "box/claim.json", "--out", f"{role}.sealed",
                "--nonce", "a-long-nonce",
            )  # fmt: skip
        run = place.claim().run
        said = typed("box", "run", "--at", "box", "buyer.sealed", "seller.sealed", "--out", "res")
        assert "turn 1" in said
        checked = typed("verify", "res", "--agenda", "box/agenda.yaml", "--nonce", "a-long-nonce")
        assert "FAILED" not in checked
        assert "ok           purge: wiped box" in checked
        assert host.ended() == exits.OK
        assert sorted(path.name for path in place.at.iterdir()) == ["agenda.yaml"]
        statement = place.statement("res")
        assert (statement["run"], statement["nonces"]) == (run, ["a-long-nonce"])
        assert statement["policy"] == Policy().digest
        assert statement["usage"] is not None
        again = place.run([tmp_path / "seller.sealed", tmp_path / "buyer.sealed"], "again")
        assert again.code == exits.BAD_INPUT
        assert "no box is open there" in again.err
        assert not (tmp_path / "again").exists()


def test_the_result_is_written_and_not_told(house: House) -> None:
    ended = house.run(house.sealed(), "result", "--quiet")
    house.next_claim()
    assert ended.code == exits.OK
    assert json.loads((house.root / "result" / "agreement.json").read_bytes())["terms"] == TERMS
    assert not re.search("turn|deal|8000", ended.shown.replace(str(house.root), ""))
    assert house.statement()["nonces"] == [NONCE]


def test_each_box_of_a_pool_has_one_run_and_a_claim_of_its_own(house: House) -> None:
    claims, spent = [], []
    for number in range(3):
        claims.append(house.claim())
        spent.append(house.sealed())
        assert house.run(spent[-1], f"result-{number}").code == exits.OK
        house.next_claim()
        assert house.statement(f"result-{number}")["run"] == claims[-1].run
        used = refused(house, "sealed to another run", spent[-1])
        assert house.claim().run in used.err
    assert len({claim.run for claim in claims}) == len({claim.key.raw for claim in claims}) == 3


def test_what_is_not_two_briefs_for_this_run_is_refused_and_the_box_stays_open(house: House) -> None:
    claim, (seller, buyer) = house.claim(), house.sealed()
    refused(house, "give both", [seller])
    refused(house, "give both", [seller, buyer, seller])
    refused(house, "one sealed brief of the seller and one of the buyer", [seller, seller])
    refused(house, "one sealed brief of the", house.sealed(content=b"{}", roles=("seller", "mediator")))
    garbage = house.root / "garbage.sealed"
    garbage.write_bytes(b"\0" * 5000)
    refused(house, "not a sealed brief", [garbage, buyer])
    refused(house, "not a sealed brief", [house.agenda, buyer])
    refused(house, "cannot be used", [house.root / "missing", buyer])
    spaced = house.root / "spaced.sealed"
    spaced.write_bytes(seller.read_bytes().replace(b'":', b'": '))
    refused(house, "not a sealed brief", [spaced, buyer])
    stranger = house.root / "stranger.sealed"
    stranger.write_bytes(seal(b"{}", claim.key, run_id=new_run_id(), role="seller").to_bytes())
    refused(house, "sealed to another run", [stranger, buyer])
    assert house.claim() == claim
    house.still_runs()


@pytest.mark.parametrize("what", ["altered", "another key", "not a brief", "another agenda"])
def test_a_brief_that_the_box_cannot_use_ends_its_run_without_a_result(house: House, what: str) -> None:
    claim, (seller, buyer) = house.claim(), house.sealed()
    match what:
        case "altered":
            seller, phrase = altered(seller), "does not open"
        case "another key":
            other = house.root / "other.sealed"
            other.write_bytes(seller.read_bytes().replace(b'"role":"seller"', b'"role":"buyer"'))
            buyer, phrase = other, "does not open"
        case "not a brief":
            seller, buyer = house.sealed(content=f"{CANARY}: [".encode())
            phrase = "does not fit its seat"
        case _:
            unfit = {**WHOLE["briefs"]["seller"], "mandate": {"conditions": [{"at_least": {CANARY: 1}}]}}
            seller, buyer = house.sealed(content=yaml.safe_dump(unfit).encode())
            phrase = "does not fit its seat"
    refused(house, phrase, [seller, buyer])
    house.next_claim()
    assert f"Run {claim.run} came to nothing." in house.host.shown
    assert house.claim().run != claim.run


def test_whoever_says_nothing_or_nonsense_keeps_nobody_waiting(house: House) -> None:
    """Half a minute is what each of them has to hand in its briefs."""
    lines, folder = [], os.open(house.at, os.O_RDONLY)
    try:
        for first in (b"", b"\xff" * 100, b"\0\0", b"\0\0\0\x10half", b"GET / HTTP/1.1\r\n\r\n"):
            line = socket.socket(socket.AF_UNIX)
            lines.append(line)
            line.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            line.sendall(first)
        house.still_runs()
    finally:
        os.close(folder)
        for line in lines:
            line.close()


def test_a_second_box_at_the_same_place_is_refused_and_the_first_unharmed(house: House) -> None:
    before = house.claim()
    model = f"scripted/{house.root / 'seller.json'}"
    ended = house.type("box", "open", house.agenda, "--at", house.at, "--model", model)
    assert ended.code == exits.BAD_INPUT
    assert "a box is open there already" in ended.err
    other = house.root / "other.yaml"
    other.write_text(yaml.safe_dump({**WHOLE["agenda"], "rounds": 5}))
    ended = house.type("box", "open", other, "--at", house.at, "--model", model)
    assert ended.code == exits.BAD_INPUT
    assert "another agenda" in ended.err
    assert house.claim() == before
    house.still_runs()


def test_the_place_holds_what_is_public_and_nothing_else(house: House) -> None:
    assert sorted(path.name for path in house.at.iterdir()) == ["agenda.yaml", SOCKET, "claim.json"]
    assert (house.at / SOCKET).stat().st_mode & 0o777 == 0o600
    assert agenda_digest(load_agenda(house.at / "agenda.yaml")) == house.claim().agenda


def test_no_brief_is_in_what_is_shown_or_written(house: House) -> None:
    assert house.run(house.sealed(), "traced").code == exits.OK
    house.next_claim()
    roots = [house.at, house.root / "traced", house.root / "tmp", house.root / "config"]
    for secret in (CANARY, CANARY_NUMBER):
        assert secret not in house.host.shown
    assert scan_files(CANARY, roots).clean is True
    assert scan_files(CANARY, [house.root / "seller.yaml"]).clean is False
