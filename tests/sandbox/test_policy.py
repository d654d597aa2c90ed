"""The policy: what is below its minimum does not start."""

from pathlib import Path
from typing import get_args

import pytest

from bargaining.errors import InvalidInputError, SandboxError
from bargaining.mandate import Limits
from delegates.scenario import load
from sandbox.isolation.interface import Level
from sandbox.policy import Ceiling, Condition, Machine, Policy

CLOSED: dict[Condition, bool | None] = dict.fromkeys(get_args(Condition), True)
AGENDA = load("used-truck").agenda


def admits(policy: Policy, **changes: object) -> tuple[str, ...]:
    asked = {
        "isolation": "bwrap",
        "assurance": "operator",
        "models": ("local/a",),
        "machine": CLOSED,
        **changes,
    }
    return policy.admits(**asked)  # type: ignore[arg-type]  # each test changes one of them


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return file


def test_the_default_admits_an_ordinary_machine_and_says_what_is_open() -> None:
    machine: dict[Condition, bool | None] = {"swap": False, "init_on_free": None, "tracing": True}
    assert admits(Policy(), isolation="landlock", machine=machine) == ("swap", "init_on_free", "core_pattern")
    assert admits(Policy()) == ()


@pytest.mark.parametrize("minimum", get_args(Level))
@pytest.mark.parametrize("reached", get_args(Level))
def test_weaker_isolation_than_the_minimum_does_not_start(minimum: Level, reached: Level) -> None:
    order = get_args(Level)
    policy = Policy(isolation=minimum)
    if order.index(reached) <= order.index(minimum):
        assert admits(policy, isolation=reached) == ()
    else:
        with pytest.raises(SandboxError, match=minimum):
            admits(policy, isolation=reached)


def test_without_isolation_only_a_policy_that_says_so_admits() -> None:
    with pytest.raises(SandboxError, match="negbox doctor"):
        admits(Policy(), isolation="none")
    assert admits(Policy(isolation="none"), isolation="none") == ()


def test_a_level_or_assurance_that_is_unknown_is_below_everything() -> None:
    with pytest.raises(SandboxError):
        admits(Policy(isolation="none"), isolation="docker")
    with pytest.raises(SandboxError):
        admits(Policy(assurance="none"), assurance="tee")


def test_an_unsigned_run_needs_a_policy_that_allows_it() -> None:
    with pytest.raises(SandboxError, match="signed"):
        admits(Policy(), assurance="none")
    assert admits(Policy(assurance="none"), assurance="none") == ()


@pytest.mark.parametrize("state", [False, None])
@pytest.mark.parametrize("condition", get_args(Condition))
def test_a_required_condition_that_is_open_or_unmeasured_does_not_start(
    condition: Condition, state: bool | None
) -> None:
    policy = Policy(machine=Machine.model_validate({condition: "require"}))
    assert admits(policy) == ()
    with pytest.raises(SandboxError, match=condition) as caught:
        admits(policy, machine={**CLOSED, condition: state})
    assert ("could not be measured" in str(caught.value)) is (state is None)
    with pytest.raises(SandboxError, match="could not be measured"):
        admits(policy, machine={})


@pytest.mark.parametrize(
    ("pattern", "model", "allowed"),
    [
        ("*", "openai/a@own-server", True),
        ("openai/*", "openai/gpt-6", True),
        ("openai/*", "openai/gpt-6@own-server", False),
        ("openai/*", "anthropic/claude", False),
        ("openai/x?own-server", "openai/x@own-server", False),
        ("openai/*@own-server", "openai/llama@own-server", True),
        ("local/qwen*", "local/qwen2.5.gguf", True),
        ("local/qwen", "local/qwen2.5.gguf", False),
        ("LOCAL/*", "local/qwen", False),
        ("tactic/steady", "tactic/steady", True),
    ],
)
def test_a_star_never_stands_for_somebody_elses_server(pattern: str, model: str, allowed: bool) -> None:
    policy = Policy(models=(pattern,))
    if allowed:
        assert admits(policy, models=(model,)) == ()
    else:
        with pytest.raises(InvalidInputError, match="does not allow"):
            admits(policy, models=(model,))


def test_every_model_must_be_allowed() -> None:
    with pytest.raises(InvalidInputError):
        admits(Policy(models=("local/*",)), models=("local/a", "openai/b"))


def test_messages_are_only_ever_narrowed() -> None:
    assert Policy().narrowed(AGENDA) is AGENDA
    for messages in ("none", "templated"):
        narrowed = Policy.model_validate({"messages": messages}).narrowed(AGENDA)
        assert narrowed.message_characters == 0
        assert narrowed.issues == AGENDA.issues
        assert narrowed.rounds == AGENDA.rounds
        assert Policy.model_validate({"messages": messages}).narrowed(narrowed) is narrowed


def test_limits_are_the_narrower_of_both() -> None:
    policy = Policy(limits=Ceiling(tokens=100, seconds=10))
    assert policy.limited(Limits(tokens=50, seconds=20)) == Limits(tokens=50, seconds=10)
    assert policy.limited(Limits()) == Limits(tokens=100, seconds=10)
    assert Policy().limited(Limits(tokens=7)) == Limits(tokens=7)


def test_a_file_in_yaml_or_json_is_read(tmp_path: Path) -> None:
    text = "isolation: bwrap\nmodels: [local/*, 'tactic/*']\nmachine: {swap: require}\nmessages: none\n"
    policy = Policy.load(written(tmp_path, text))
    assert (policy.isolation, policy.messages, policy.machine.swap) == ("bwrap", "none", "require")
    assert Policy.load(written(tmp_path, policy.model_dump_json())) == policy


@pytest.mark.parametrize(
    ("text", "line", "phrase"),
    [
        ("messages: none\nisolations: none\n", 2, "did you mean 'isolation'"),
        ("isolation: docker\n", 1, "isolation: expected"),
        ("models: []\n", 1, "models"),
        ("models: ['open ai/*']\n", 1, "brackets and spaces"),
        ("models: ['[a-z]*']\n", 1, "brackets and spaces"),
        ("\nlimits:\n  tokens: 0\n", 3, "limits.tokens"),
        ("limits:\n  tokens: '5'\n", 2, "limits.tokens"),
        ("machine:\n  swap: ignore\n", 2, "machine.swap"),
        ("retention: forever\n", 1, "retention"),
        ("assurance: tee\n", 1, "assurance"),
        ("release_seconds: 0\n", 1, "release_seconds"),
        ("[]\n", 1, "mapping"),
        ("isolation: none\nisolation: bwrap\n", 2, "twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, phrase: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Policy.load(written(tmp_path, text))
    assert f"policy.yaml:{line}: " in str(caught.value)
    assert phrase in str(caught.value)


def test_a_missing_file_does_not_mean_no_policy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such file"):
        Policy.load(tmp_path / "policy.yaml")


def test_the_digest_changes_with_every_field() -> None:
    others: list[dict[str, object]] = [
        {"isolation": "bwrap"},
        {"assurance": "none"},
        {"models": ["local/*"]},
        {"limits": {"calls": 1}},
        {"messages": "none"},
        {"progress": "none"},
        {"release_seconds": 2},
        {"machine": {"tracing": "require"}},
    ]
    assert len({Policy.model_validate(changes).digest for changes in [{}, *others]}) == len(others) + 1
    assert Policy().digest == Policy(isolation="landlock").digest
