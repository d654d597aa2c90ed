"""The commands of each of two parties: check, seal, verify."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
import rfc8785
import typer
import yaml
from typer.testing import CliRunner, Result

from app import claims, exits
from bargaining.agenda import Agenda
from bargaining.agreement import Agreement, NoDeal
from bargaining.errors import InvalidInputError, NegboxError, SealError
from delegates.brief import Brief
from delegates.prompt import PromptPack
from institutions import signature
from institutions.keys import HostKey, default_file
from sandbox.claim import Claim, agreement_schema_digest, code_digest
from sandbox.export import agenda_digest, release
from sandbox.policy import Policy
from sandbox.seal import BoxKey, SealedBrief, new_run_id
from sandbox.statement import Delegation, Setting, statement
from tests.app.command import CANARY, CANARY_NUMBER, SCENARIO, TERMS

NONCE = "made up by the seller"
WHOLE = yaml.safe_load(SCENARIO)
AGENDA = Agenda.model_validate(WHOLE["agenda"])
PACK = PromptPack.load("default")
DELEGATION = Delegation("local/a", None, PACK, advised=True)
SHA = f"sha256:{PACK.digest}"

CheckResult: TypeAlias = Literal["ok", "failed", "unmeasured"]

app = typer.Typer()
app.add_typer(claims.brief, name="brief")
app.add_typer(claims.claim, name="claim")
app.command("verify")(claims.verify)


@dataclass(frozen=True)
class Check:
    name: str
    result: CheckResult
    detail: str = "this machine does not say"


@dataclass(frozen=True)
class Host:
    """A machine with a key, a box and a folder that both parties can read."""

    folder: Path
    key: HostKey
    box: BoxKey
    claim: Claim

    def write_claim(self, key: HostKey | None = None, claim: Claim | None = None) -> Path:
        file = self.folder / "claim.json"
        file.write_bytes(
            signature.sign((claim or self.claim).to_bytes(), signature.CLAIM_TYPE, key or self.key)
        )
        return file

    def write_result(
        self, result: Agreement | NoDeal, setting: Setting, agenda: Agenda = AGENDA, *, signed: bool = True
    ) -> Path:
        agreement = release(result, agenda)
        delegations = dict.fromkeys(agenda.roles, DELEGATION)
        said = statement(agenda, agreement, delegations, 0, setting=setting)
        (self.folder / "agreement.json").write_bytes(agreement)
        envelope = signature.sign(said, signature.IN_TOTO_TYPE, self.key) if signed else said
        (self.folder / "statement.json").write_bytes(envelope)
        return self.folder


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    key, box = HostKey.generate(), BoxKey.generate()
    folder = tmp_path / "at"
    folder.mkdir()
    (folder / "host.pem").write_bytes(key.public.pem())
    (folder / claims.AGENDA).write_text(yaml.safe_dump(WHOLE["agenda"]))
    for role, content in WHOLE["briefs"].items():
        (folder / f"{role}.yaml").write_text(yaml.safe_dump(content))
    claim = Claim(
        run=new_run_id(),
        key=box.public,
        code=code_digest(),
        policy=Policy().digest,
        agenda=agenda_digest(AGENDA),
        agreement_schema=agreement_schema_digest(AGENDA),
        models=dict.fromkeys(AGENDA.roles, "local/a"),
        prompts=dict.fromkeys(AGENDA.roles, SHA),
        isolation="bwrap",
        assurance="operator",
        nonces=(NONCE,),
    )
    made = Host(folder, key, box, claim)
    made.write_claim()
    return made


def run(*arguments: object) -> Result:
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
    shown = ended.output + str(ended.exception or "")
    assert CANARY not in shown
    assert CANARY_NUMBER not in shown
    return ended


def refused(error: type[NegboxError], phrase: str, *arguments: object) -> None:
    ended = run(*arguments)
    assert isinstance(ended.exception, error), ended.exception
    assert phrase in str(ended.exception)
    assert exits.code_of(ended.exception) == exits.BAD_INPUT


def seal_arguments(host: Host, role: str = "seller") -> tuple[object, ...]:
    return (
        "brief", "seal", host.folder / f"{role}.yaml", "--claim", host.folder / "claim.json",
        "--out", host.folder / f"{role}.sealed", "--host-key", host.folder / "host.pem",
    )  # fmt: skip


def verify_arguments(host: Host) -> tuple[object, ...]:
    return "claim", "verify", host.folder / "claim.json", "--host-key", host.folder / "host.pem"


def test_a_brief_is_checked_against_its_agenda(host: Host) -> None:
    agenda = host.folder / claims.AGENDA
    ended = run("brief", "check", host.folder / "seller.yaml", "--agenda", agenda)
    assert "brief of the seller is complete" in ended.stdout
    refused(InvalidInputError, "no such role", "brief", "check", agenda, "--agenda", agenda)
    named = run("brief", "check", host.folder / "seller.yaml", "--agenda", agenda, "--role", "buyer")
    assert named.exit_code == 0


def test_a_bad_brief_is_named_without_its_values(host: Host) -> None:
    content = {**WHOLE["briefs"]["seller"], "narratives": CANARY}
    (host.folder / "seller.yaml").write_text(yaml.safe_dump(content))
    agenda = host.folder / claims.AGENDA
    refused(
        InvalidInputError, "unknown field", "brief", "check", host.folder / "seller.yaml", "--agenda", agenda
    )


def test_only_the_box_of_the_claim_opens_the_sealed_brief(host: Host) -> None:
    assert run(*seal_arguments(host)).exit_code == 0
    data = (host.folder / "seller.sealed").read_bytes()
    assert CANARY.encode() not in data
    sealed = SealedBrief.from_bytes(data)
    brief = Brief.from_yaml((host.folder / "seller.yaml").read_text())
    assert host.box.open(sealed, host.claim.run, "seller") == brief.to_yaml().encode()
    with pytest.raises(SealError):
        host.box.open(sealed, host.claim.run, "buyer")


def test_nothing_is_sealed_to_a_claim_of_an_unknown_host(host: Host) -> None:
    host.write_claim(HostKey.generate())
    refused(SealError, "no host that you trust", *seal_arguments(host))
    assert not (host.folder / "seller.sealed").exists()


def test_nothing_is_sealed_for_another_agenda(host: Host) -> None:
    agenda = {**WHOLE["agenda"], "rounds": 5}
    (host.folder / claims.AGENDA).write_text(yaml.safe_dump(agenda))
    refused(SealError, "not the one that the claim is about", *seal_arguments(host))
    assert not (host.folder / "seller.sealed").exists()


@pytest.mark.parametrize(
    "wrong", [("--nonce", "another nonce"), ("--expect", "isolation=none"), ("--expect", "policy=x")]
)
def test_nothing_is_sealed_to_a_claim_that_is_not_as_expected(host: Host, wrong: tuple[str, str]) -> None:
    refused(SealError, "not what you expect", *seal_arguments(host), *wrong)
    assert not (host.folder / "seller.sealed").exists()
    assert run(*seal_arguments(host), "--nonce", NONCE, "--expect", "isolation=bwrap").exit_code == 0


def test_a_sealed_brief_is_never_overwritten(host: Host) -> None:
    (host.folder / "seller.sealed").write_text("mine")
    refused(InvalidInputError, "choose another name", *seal_arguments(host))
    assert (host.folder / "seller.sealed").read_text() == "mine"


def test_a_claim_is_printed_once_it_is_verified(host: Host) -> None:
    ended = run(*verify_arguments(host), "--nonce", NONCE, "--expect", "models.seller=local/a")
    assert ended.exit_code == 0
    assert "the same code as is installed here" in ended.stdout
    assert host.claim.run in ended.stdout
    assert host.claim.key.raw not in ended.stdout


def test_other_code_than_is_installed_here_is_said(host: Host) -> None:
    host.write_claim(claim=host.claim.model_copy(update={"code": "sha256:" + "0" * 64}))
    assert "NOT the code installed here" in run(*verify_arguments(host), "--nonce", NONCE).stdout


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("--nonce", "yesterday's"), "nonce: the claim says made up by the seller, not yesterday's"),
        (
            ("--nonce", NONCE, "--expect", "isolation=landlock"),
            "isolation: the claim says bwrap, not landlock",
        ),
        (("--nonce", NONCE, "--expect", "shoe=1"), "says nothing about it"),
    ],
)
def test_what_differs_in_a_claim_is_named(host: Host, arguments: tuple[str, ...], phrase: str) -> None:
    refused(SealError, phrase, *verify_arguments(host), *arguments)


def test_an_expectation_has_a_field_and_a_value(host: Host) -> None:
    refused(InvalidInputError, "--expect", *verify_arguments(host), "--nonce", NONCE, "--expect", "bwrap")


def test_files_that_cannot_be_used_are_named(host: Host) -> None:
    key = ("--host-key", host.folder / "host.pem", "--nonce", NONCE)
    refused(InvalidInputError, "missing.json", "claim", "verify", host.folder / "missing.json", *key)
    refused(InvalidInputError, "cannot be used", "claim", "verify", host.folder, *key)
    refused(SealError, "not a signed envelope", "claim", "verify", host.folder / "host.pem", *key)
    refused(
        InvalidInputError, "not a host's public key",
        "claim", "verify", host.folder / "claim.json", "--nonce", NONCE, "--host-key", host.folder / "claim.json",
    )  # fmt: skip


def test_without_a_named_key_the_machines_own_is_believed(host: Host) -> None:
    arguments = ("claim", "verify", host.folder / "claim.json", "--nonce", NONCE)
    refused(InvalidInputError, "--host-key", *arguments)
    assert run("claim", "key").stdout.startswith("-----BEGIN PUBLIC KEY-----")
    refused(SealError, "no host that you trust", *arguments)
    host.write_claim(HostKey.load(default_file()))
    assert run(*arguments).exit_code == 0


BOXED = Setting(isolation="bwrap", assurance="operator", nonces=(NONCE,))


def verify_result(host: Host, *arguments: object) -> Result:
    return run("verify", host.folder, "--host-key", host.folder / "host.pem", *arguments)


@pytest.fixture(params=[Agreement(terms=TERMS), NoDeal()], ids=["agreement", "no deal"])
def result(request: pytest.FixtureRequest) -> Agreement | NoDeal:
    found: Agreement | NoDeal = request.param
    return found


def test_a_result_verifies_whole(host: Host, result: Agreement | NoDeal) -> None:
    host.write_result(result, BOXED)
    ended = verify_result(host, "--agenda", host.folder / claims.AGENDA, "--nonce", NONCE)
    assert ended.exit_code == exits.OK, ended.output
    assert len(outcomes(ended, "ok ")) == 7
    assert outcomes(ended, "not checked") == []
    assert "not covered:" in ended.stdout


def test_what_is_not_given_is_not_checked_and_said(host: Host, result: Agreement | NoDeal) -> None:
    host.write_result(result, BOXED)
    ended = verify_result(host)
    assert ended.exit_code == exits.OK
    assert len(outcomes(ended, "not checked")) == 4


def test_a_scenario_can_stand_for_its_agenda(host: Host) -> None:
    (host.folder / "scenario.yaml").write_text(SCENARIO)
    host.write_result(NoDeal(), BOXED)
    assert len(outcomes(verify_result(host, "--agenda", host.folder / "scenario.yaml"), "ok ")) == 6


def outcomes(ended: Result, word: str) -> list[str]:
    return [line for line in ended.stdout.splitlines() if line.startswith(word)]


def failures(ended: Result) -> set[str]:
    """What failed, by the first word of its name."""
    assert ended.exit_code == exits.BAD_INPUT, ended.output
    return {line.removeprefix("FAILED").split(":")[0].strip() for line in outcomes(ended, "FAILED")}


@pytest.mark.parametrize(
    "change",
    [
        {"terms": {**TERMS, "price": 8001}},
        {"padding": "0"},
        {"agenda": "sha256:" + "0" * 64},
        {"result": "no_deal", "terms": None},
    ],
    ids=["terms", "padding", "agenda", "result"],
)
def test_a_changed_agreement_fails(host: Host, change: Mapping[str, object]) -> None:
    host.write_result(Agreement(terms=dict(TERMS)), BOXED)
    file = host.folder / "agreement.json"
    file.write_bytes(rfc8785.dumps({**json.loads(file.read_bytes()), **change}) + b"\n")  # type: ignore[dict-item]
    assert "agreement" in failures(verify_result(host, "--agenda", host.folder / claims.AGENDA))
    assert "agreement" in failures(verify_result(host))


def test_a_form_in_which_more_could_hide_fails_even_if_it_is_signed(host: Host) -> None:
    agreement = release(NoDeal(), AGENDA).replace(b'":', b'": ')
    said = statement(AGENDA, agreement, dict.fromkeys(AGENDA.roles, DELEGATION), 0, setting=BOXED)
    (host.folder / "agreement.json").write_bytes(agreement)
    (host.folder / "statement.json").write_bytes(signature.sign(said, signature.IN_TOTO_TYPE, host.key))
    ended = verify_result(host, "--agenda", host.folder / claims.AGENDA)
    assert failures(ended) == {"agreement"}
    assert verify_result(host).exit_code == exits.OK


def test_the_result_of_another_run_of_the_same_host_fails(host: Host) -> None:
    """All runs of a pool answer the same nonces."""
    host.write_result(NoDeal(), replace(BOXED, run="this-run-of-the-tests"))
    assert verify_result(host, "--nonce", NONCE, "--run", "this-run-of-the-tests").exit_code == 0
    assert failures(verify_result(host, "--nonce", NONCE, "--run", "another-run")) == {"statement"}


def test_another_agenda_or_nonce_fails(host: Host) -> None:
    host.write_result(NoDeal(), BOXED)
    other = host.folder / "other.yaml"
    other.write_text(yaml.safe_dump({**WHOLE["agenda"], "rounds": 5}))
    assert failures(verify_result(host, "--agenda", other)) == {"agenda"}
    other.write_text(yaml.safe_dump({**WHOLE["agenda"], "issues": WHOLE["agenda"]["issues"][:1]}))
    assert failures(verify_result(host, "--agenda", other)) == {"agenda", "schema"}
    assert failures(verify_result(host, "--nonce", "another")) == {"statement"}


def test_an_unsigned_or_forged_statement_is_refused(host: Host) -> None:
    arguments = ("verify", host.folder, "--host-key", host.folder / "host.pem")
    host.write_result(NoDeal(), Setting(), signed=False)
    refused(SealError, "nobody has signed it", *arguments)
    host.write_result(NoDeal(), BOXED)
    file = host.folder / "statement.json"
    file.write_bytes(signature.sign(b"{}", signature.IN_TOTO_TYPE, host.key))
    refused(SealError, "not a statement", *arguments)
    file.write_bytes(signature.sign(b"{}", signature.IN_TOTO_TYPE, HostKey.generate()))
    refused(SealError, "no host that you trust", *arguments)
    file.write_bytes((host.folder / "claim.json").read_bytes())
    refused(SealError, "does not hold what is expected", *arguments)
    file.unlink()
    refused(InvalidInputError, "statement.json", *arguments)


@pytest.mark.parametrize(
    ("outcome", "code", "word"),
    [("ok", exits.OK, "ok   "), ("failed", exits.SANDBOX, "FAILED"), ("unmeasured", exits.OK, "not checked")],
)
def test_purge_checks_are_shown_and_a_failed_one_is_a_failure(
    host: Host, outcome: CheckResult, code: int, word: str
) -> None:
    setting = Setting(
        isolation="bwrap", assurance="operator", nonces=(NONCE,), purge=(Check("box wiped", outcome),)
    )  # fmt: skip
    host.write_result(NoDeal(), setting)
    ended = verify_result(host, "--nonce", NONCE)
    assert ended.exit_code == code
    (line,) = (line for line in ended.stdout.splitlines() if "purge: box wiped" in line)
    assert line.startswith(word)


def test_nothing_in_a_statement_can_steer_a_terminal(host: Host) -> None:
    setting = Setting(
        isolation="bwrap", assurance="operator", purge=(Check("\x1b[2J", "failed", "\x07\u202e"),)
    )
    host.write_result(NoDeal(), setting)
    shown = verify_result(host).stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
