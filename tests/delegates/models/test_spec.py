"""What a user may write for a model, and what becomes of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import InvalidModelError
from delegates.models import ModelSpec, open_model, parse, thinking_tokens


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai/gpt-6-luna", ModelSpec("openai", "gpt-6-luna")),
        ("anthropic/claude-haiku-5-5", ModelSpec("anthropic", "claude-haiku-5-5")),
        (
            "openai/qwen2.5:7b@http://localhost:11434/v1",
            ModelSpec("openai", "qwen2.5:7b", "http://localhost:11434/v1"),
        ),
        (
            "openai/org/model@https://example.org/v1/",
            ModelSpec("openai", "org/model", "https://example.org/v1"),
        ),
        ("openai/m@http://[::1]:8080/v1", ModelSpec("openai", "m", "http://[::1]:8080/v1")),
        ("anthropic/m@http://127.0.0.2:8080", ModelSpec("anthropic", "m", "http://127.0.0.2:8080")),
        ("local/qwen2.5", ModelSpec("local", "qwen2.5")),
        ("local//home/a b@c/x.gguf", ModelSpec("local", "/home/a b@c/x.gguf")),
        ("scripted/replies.yaml", ModelSpec("scripted", "replies.yaml")),
        ("tactic/boulware", ModelSpec("tactic", "boulware")),
    ],
)
def test_a_spec_is_read(text: str, spec: ModelSpec) -> None:
    assert parse(text) == spec
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "for example"),
        ("gpt-5", "'gpt-5' is not a model"),
        ("openai/", "for example"),
        ("gemini/flash", "'gemini' is not a provider"),
        ("openai/a b", "spaces"),
        ("openai/@http://localhost/v1", "missing"),
        ("openai/m@localhost:11434", "must look like"),
        ("openai/m@ftp://localhost/v1", "must look like"),
        ("openai/m@http://", "must look like"),
        ("openai/m@http://localhost:99999/v1", "must look like"),
        ("openai/m@https://example.org/v1?key=1", "must look like"),
        ("openai/m@http://example.org/v1", "plain http"),
        ("openai/m@http://127.0.0.1.example.org/v1", "plain http"),
        ("local/a\nb", "cannot be used"),
        ("tactic/bully", "unknown tactic 'bully'; there are: boulware, conceder, linear, micro, steady, tit"),
        ("tactic/Steady", "unknown tactic 'Steady'"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused_with_advice(text: str, words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "openai/m@https://user:hunter2@example.org/v1",
        "openai/m@https://hunter2@example.org/v1",
        "openai/m@http://localhost:1/@hunter2",
        "https://user:hunter2@example.org/v1",
        "hunter2@",
        "tactic/hunter2@",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidModelError) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        spec = parse(text)
    except InvalidModelError:
        return
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "variable"),
    [("openai/gpt-6-luna", "OPENAI_API_KEY"), ("anthropic/claude-haiku-5-5", "ANTHROPIC_API_KEY")],
)
@pytest.mark.parametrize("key", [None, "", "  ", "two words", "schlüssel", "line\nbreak"])
def test_a_missing_or_impossible_key_is_named_and_not_repeated(
    text: str, variable: str, key: str | None
) -> None:
    with pytest.raises(InvalidModelError, match=variable) as caught:
        open_model(text, environment={} if key is None else {variable: key})
    assert not key or not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "schlüssel", "line\nbreak"])
def test_an_impossible_key_for_a_server_by_address_is_not_repeated(key: str) -> None:
    with pytest.raises(InvalidModelError, match="NEGBOX_COMPATIBLE_API_KEY") as caught:
        open_model("openai/m@http://localhost:1/v1", environment={"NEGBOX_COMPATIBLE_API_KEY": key})
    assert key not in str(caught.value)


def test_a_server_by_address_needs_no_key() -> None:
    model = open_model("openai/m@http://localhost:1/v1", environment={})
    assert model.spec == "openai/m@http://localhost:1/v1"


def test_a_tactic_is_not_a_model() -> None:
    with pytest.raises(InvalidModelError, match="tactic"):
        open_model("tactic/boulware")


def test_a_script_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "replies.yaml"
    path.write_text("- hello\n")
    assert open_model(f"scripted/{path}").spec == f"scripted/{path}"


@pytest.mark.parametrize(
    ("text", "thinks"),
    [
        ("openai/gpt-6-luna", True),
        ("anthropic/claude-haiku-5-5", True),
        ("openai/gpt-4.1-mini", False),
        ("openai/m@http://localhost:1/v1", False),
        ("local/x", False),
    ],
)
def test_hosted_models_that_think_are_given_room_for_it(text: str, thinks: bool) -> None:
    assert bool(thinking_tokens(parse(text))) is thinks
