"""What a run has left is a result only as a whole, and only if its host vouches for it."""

import json
from pathlib import Path

import pytest

from bargaining.agreement import Agreement, NoDeal
from delegates.scenario import load
from evals.aftermath import outcome
from institutions import signature
from institutions.keys import FILE, HostKey
from sandbox import export

AGENDA = load("used-truck").agenda
AGREED = export.release(Agreement(terms={issue.name: issue.values[0] for issue in AGENDA.issues}), AGENDA)
NOTHING_AGREED = export.release(NoDeal(), AGENDA)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A folder with a signed result; the key is in `home` beside it."""
    key = HostKey.load_or_create(tmp_path / "home" / FILE)
    _write(tmp_path / "out", key, AGREED, AGREED)
    return tmp_path / "out"


def _write(out: Path, key: HostKey, agreement: bytes, about: bytes) -> None:
    out.mkdir(exist_ok=True)
    said = {"subject": [{"digest": {"sha256": export.digest(about).removeprefix("sha256:")}}]}
    (out / "agreement.json").write_bytes(agreement)
    signed = signature.sign(json.dumps(said).encode(), signature.IN_TOTO_TYPE, key)
    (out / "statement.json").write_bytes(signed)


def test_a_result_and_its_statement_are_found(result: Path) -> None:
    home = result.parent / "home"
    assert outcome.read(result, home, AGENDA) == "agreement"
    _write(result, HostKey.load(home / FILE), NOTHING_AGREED, NOTHING_AGREED)
    assert outcome.read(result, home, AGENDA) == "no deal"
    assert outcome.read(home.parent / "elsewhere", home, AGENDA) == "nothing"


@pytest.mark.parametrize("missing", ["agreement.json", "statement.json"])
def test_half_a_result_is_none(result: Path, missing: str) -> None:
    (result / missing).unlink()
    assert outcome.read(result, result.parent / "home", AGENDA).startswith("a part only")


def test_a_result_that_its_host_does_not_vouch_for_is_none(result: Path) -> None:
    home = result.parent / "home"
    _write(result, HostKey.load(home / FILE), AGREED, NOTHING_AGREED)
    assert outcome.read(result, home, AGENDA) == "a statement about another agreement"
    _write(result, HostKey.generate(), AGREED, AGREED)
    assert outcome.read(result, home, AGENDA).startswith("a result that cannot be verified")
