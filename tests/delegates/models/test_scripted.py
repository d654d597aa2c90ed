"""The scripted model."""

import asyncio
from pathlib import Path

import pytest

from bargaining.errors import InvalidModelError, ModelReplyError
from delegates.models import Request, ScriptedModel, Turn, Usage

REQUEST = Request("12345678", (Turn("user", "1234"),), {"type": "object"}, 10)


def say(model: ScriptedModel) -> str:
    return asyncio.run(model.complete(REQUEST)).text


def test_replies_come_in_order_and_end() -> None:
    model = ScriptedModel(["a", lambda request: request.system])
    assert [say(model), say(model)] == ["a", "12345678"]
    with pytest.raises(ModelReplyError, match="over after 2"):
        say(model)
    assert model.calls == 3


def test_a_script_may_start_over() -> None:
    model = ScriptedModel(["a", "b"], cycle=True)
    assert [say(model) for _ in range(5)] == ["a", "b", "a", "b", "a"]


def test_a_reply_may_take_time() -> None:
    async def slow(request: Request) -> str:
        await asyncio.sleep(0)
        return "late"

    assert say(ScriptedModel([slow])) == "late"


def test_a_script_may_fail() -> None:
    error = ModelReplyError("told to")
    with pytest.raises(ModelReplyError) as caught:
        say(ScriptedModel([error]))
    assert caught.value is error


def test_usage_follows_from_the_lengths() -> None:
    completion = asyncio.run(ScriptedModel(["12345678"]).complete(REQUEST))
    assert completion.usage == Usage(input_tokens=3, output_tokens=2)


def test_requests_are_kept_only_if_asked_for() -> None:
    silent, keeping = ScriptedModel(["a"]), ScriptedModel(["a"], keep_requests=True)
    say(silent)
    say(keeping)
    assert silent.requests == []
    assert keeping.requests == [REQUEST]


def test_a_file_holds_strings_and_objects(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("cycle: true\nreplies:\n- garbage\n- {move: accept, price: 3}\n")
    model = ScriptedModel.from_file(path)
    assert [say(model) for _ in range(3)] == ["garbage", '{"move": "accept", "price": 3}', "garbage"]


def test_a_json_file_will_do(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('["a", {"b": [1, null]}]')
    model = ScriptedModel.from_file(path)
    assert [say(model), say(model)] == ["a", '{"b": [1, null]}']


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no replies"),
        (b"[]", "no replies"),
        (b"secret", "no replies"),
        (b"- secret\n- 7\n", "reply 2"),
        (b"- {secret: 2020-01-01}\n", "reply 1"),
        (b"- {secret: .nan}\n", "reply 1"),
        (b"replies: [a]\nsecret: 1\n", "only 'replies' and 'cycle'"),
        (b"replies: [a]\ncycle: secret\n", "cycle must be"),
        (b"- a\n- [secret\n", ":3: neither YAML nor JSON"),
        (b"- !!python/object:secret {}\n", "neither YAML"),
        (b"\xff\xfesecret", "UTF-8"),
        (b"- 2020-99-99\n", "cannot be read"),
        (b"[" * 5000, "neither YAML"),
    ],
)
def test_a_bad_file_is_named_and_not_quoted(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidModelError, match=words) as caught:
        ScriptedModel.from_file(path)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidModelError, match="directory"):
            ScriptedModel.from_file(path)
