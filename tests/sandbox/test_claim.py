"""The claim: what a box says about itself, and how it is compared."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import SealError
from delegates.scenario import load
from sandbox import identity
from sandbox.claim import Claim, agreement_schema_digest, code_digest
from sandbox.export import agenda_digest, release
from sandbox.identity import agreement_schema
from sandbox.policy import Policy
from sandbox.seal import BoxKey, new_run_id

AGENDA = load("used-truck").agenda
SHA = "sha256:" + "0" * 64
NONCE = "a nonce made up"
CLAIM = Claim(
    run=new_run_id(),
    key=BoxKey.generate("X25519").public,
    code=code_digest(),
    policy=Policy().digest,
    agenda=agenda_digest(AGENDA),
    agreement_schema=agreement_schema_digest(AGENDA),
    models={"seller": "local/a", "buyer": "openai/b"},
    prompts={"seller": SHA, "buyer": SHA},
    isolation="landlock",
    assurance="operator",
    nonces=(NONCE,),
)


def test_a_claim_that_says_what_is_expected_verifies() -> None:
    CLAIM.verify(nonce=NONCE)
    CLAIM.verify(nonce=NONCE, expect=CLAIM.fields())
    CLAIM.verify(nonce=NONCE, expect={"models.seller": "local/a", "isolation": "landlock"})


def test_every_field_that_differs_is_named_with_both_values() -> None:
    with pytest.raises(SealError) as caught:
        CLAIM.verify(
            nonce="another nonce", expect={"isolation": "bwrap", "models.seller": "x/y", "code": CLAIM.code}
        )
    said = str(caught.value)
    assert CLAIM.run in said
    assert "isolation: the claim says landlock, not bwrap" in said
    assert "models.seller: the claim says local/a, not x/y" in said
    assert "nonce: the claim says a nonce made up, not another nonce" in said
    assert "code:" not in said


def test_what_a_claim_does_not_have_is_no_match_and_the_fields_are_listed() -> None:
    for name in ("isolations", "models.mediator", "models", ""):
        with pytest.raises(SealError, match="says nothing about it") as caught:
            CLAIM.verify(nonce=NONCE, expect={name: ""})
        assert "a claim has: type, run, key.kem" in str(caught.value)


@pytest.mark.parametrize("field", sorted(CLAIM.fields()))
def test_each_field_can_be_compared(field: str) -> None:
    with pytest.raises(SealError, match=field):
        CLAIM.verify(nonce=NONCE if field != "nonce" else "x", expect={field: "something else"})


def test_a_claim_is_read_as_it_was_written() -> None:
    assert Claim.from_bytes(CLAIM.to_bytes()) == CLAIM


@given(st.integers(0, len(CLAIM.to_bytes()) - 1), st.integers(1, 255))
def test_a_changed_byte_makes_another_claim_or_none(place: int, mask: int) -> None:
    """The signature refuses every change; see the tests of the envelope."""
    changed = bytearray(CLAIM.to_bytes())
    changed[place] ^= mask
    try:
        found = Claim.from_bytes(bytes(changed))
    except SealError:
        return
    assert found != CLAIM


def test_a_claim_has_one_form() -> None:
    data = CLAIM.to_bytes()
    for changed in (data + b" ", data.replace(b'"run"', b'"run":"other-run","run"'), b"", b"{}", b"[" * 9999):
        with pytest.raises(SealError):
            Claim.from_bytes(changed)


def test_nothing_in_a_claim_can_steer_a_terminal() -> None:
    for text in ("\x1b[2Jclear", "right\u202eleft", "two\nlines"):
        for change in ({"nonces": (text + " " * 8,)}, {"models": {"seller": text}}):
            with pytest.raises(SealError):
                Claim.from_bytes(CLAIM.model_copy(update=change).to_bytes())


def test_the_code_digest_is_the_same_in_another_process_and_elsewhere(tmp_path: Path) -> None:
    """Installed in another place, with and without compiled caches."""
    root = Path(identity.__file__).parents[1]
    for package in identity.PACKAGES:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sandbox.identity as i; print(i.__file__); print(i.code_digest())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    where, said = found.stdout.split()
    assert where.startswith(str(tmp_path))
    assert said == code_digest()


@pytest.mark.parametrize(
    "name", ["sandbox/seal.py", "prompts/default/system.md", "delegates/models/prices.toml"]
)
def test_the_code_digest_covers_code_prompts_and_data(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = code_digest()
    changed = tmp_path / "changed"
    files = dict(identity._files())
    changed.write_bytes(files[name].read_bytes() + b"\n")
    monkeypatch.setattr(identity, "_files", lambda: iter({**files, name: changed}.items()))
    assert identity.code_digest.__wrapped__() != before


def test_the_schema_admits_every_released_result_and_nothing_more() -> None:
    schema = agreement_schema(AGENDA)
    deal = Agreement(terms=dict(AGENDA.space.at(0)))
    for result in (deal, NoDeal()):
        found = json.loads(release(result, AGENDA))
        jsonschema.validate(found, schema)
        for change in ({"note": "x"}, {"padding": "1"}, {"result": "other"}, {"agenda": "x"}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**found, **change}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(release(NoDeal(), AGENDA)), "terms": deal.terms}, schema)


def test_the_schema_digest_follows_the_issues_alone() -> None:
    assert agreement_schema_digest(AGENDA) == agreement_schema_digest(AGENDA.model_copy(update={"rounds": 3}))
    assert agreement_schema_digest(AGENDA) != agreement_schema_digest(AGENDA.coarsen(2))
