"""All adapters against a real HTTP server on loopback."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path

import pytest

from bargaining.errors import ModelError, ModelReplyError, ModelTransientError, ModelUnavailableError
from delegates.models import Completion, Model, Request, Turn, Usage
from delegates.models.anthropic import AnthropicModel
from delegates.models.compatible import CompatibleModel
from delegates.models.openai import OpenAIModel
from evals.server import (
    Fault,
    FaultyServer,
    empty,
    html,
    malformed,
    no_choices,
    redirect,
    reflect,
    reset,
    stall,
    status,
)

CANARY = "reserve-9137-canary"
SCHEMA = {
    "type": "object",
    "properties": {
        "move": {"enum": ["offer", "accept"]},
        "message": {"type": "string", "maxLength": 400},
        "price": {"type": "integer", "minimum": 0, "maximum": 10},
    },
    "required": ["move", "message", "price"],
    "additionalProperties": False,
}
REQUEST = Request(
    system=f"You sell. {CANARY}",
    turns=(Turn("user", "begin"), Turn("assistant", "{}"), Turn("user", "go on")),
    schema=SCHEMA,
    max_tokens=123,
)
REPLY = '{"move": "accept", "message": "", "price": 1}'
PROVIDERS = ["openai", "compatible", "anthropic"]


def make(provider: str, address: str, timeout_seconds: float = 10.0) -> Model:
    if provider == "openai":
        return OpenAIModel("m", key="k", address=address, seed=7, timeout_seconds=timeout_seconds)
    if provider == "compatible":
        return CompatibleModel("m", address, seed=7, timeout_seconds=timeout_seconds)
    return AnthropicModel("m", base_url=address, timeout_seconds=timeout_seconds)


async def ask(model: Model, times: int = 1) -> Completion:
    try:
        for _ in range(times - 1):
            await model.complete(REQUEST)
        return await model.complete(REQUEST)
    finally:
        await model.close()


def fail(provider: str, faults: Sequence[Fault], timeout_seconds: float = 10.0) -> ModelError:
    with FaultyServer(REPLY, faults=faults) as server, pytest.raises(ModelError) as caught:
        asyncio.run(ask(make(provider, server.base_url, timeout_seconds)))
    return caught.value


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_comes_back_with_its_usage(provider: str) -> None:
    with FaultyServer(REPLY) as server:
        completion = asyncio.run(ask(make(provider, server.base_url)))
    assert completion.text == REPLY
    assert completion.structure == "schema"
    assert completion.usage is not None
    assert completion.usage.output_tokens == len(REPLY) // 4


@pytest.mark.parametrize("provider", PROVIDERS)
def test_usage_that_is_not_reported_is_unknown(provider: str) -> None:
    with FaultyServer(REPLY, reports_usage=False) as server:
        assert asyncio.run(ask(make(provider, server.base_url))).usage is None


MESSAGES = [
    {"role": "system", "content": REQUEST.system},
    {"role": "user", "content": "begin"},
    {"role": "assistant", "content": "{}"},
    {"role": "user", "content": "go on"},
]


def test_compatible_wire_format() -> None:
    with FaultyServer(REPLY) as server:
        asyncio.run(ask(make("compatible", server.base_url)))
    (received,) = server.received
    assert received.path == "/v1/chat/completions"
    assert received.body["messages"] == MESSAGES
    assert received.body["max_tokens"] == 123
    assert received.body["seed"] == 7
    assert received.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "store" not in received.body


def test_openai_itself_is_told_not_to_store() -> None:
    with FaultyServer(REPLY) as server:
        asyncio.run(ask(make("openai", server.base_url)))
    (received,) = server.received
    body = received.body
    assert received.path == "/v1/chat/completions"
    assert body["messages"] == MESSAGES
    assert body["store"] is False
    assert body["max_completion_tokens"] == 123
    assert "max_tokens" not in body
    assert body["seed"] == 7
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert "maxLength" not in form["schema"]["properties"]["message"]


def test_anthropic_wire_format() -> None:
    with FaultyServer(REPLY) as server:
        asyncio.run(ask(make("anthropic", server.base_url)))
    (received,) = server.received
    assert received.path == "/v1/messages"
    assert received.body["system"] == REQUEST.system
    assert [turn["role"] for turn in received.body["messages"]] == ["user", "assistant", "user"]
    assert received.body["max_tokens"] == 123
    assert received.body["output_config"]["format"]["type"] == "json_schema"
    assert "cache_control" not in json.dumps(received.body)


def test_anthropic_caches_only_if_asked_to() -> None:
    with FaultyServer(REPLY) as server:
        asyncio.run(ask(AnthropicModel("m", base_url=server.base_url, cache=True)))
    assert json.dumps(server.received[0].body).count("cache_control") == 2


def test_anthropic_counts_cached_input_as_input() -> None:
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 4,
        "output_tokens": 5,
    }
    body = {
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{}"}],
        "usage": usage,
    }
    with FaultyServer(faults=[Fault(body=json.dumps(body).encode())]) as server:
        completion = asyncio.run(ask(make("anthropic", server.base_url)))
    assert completion.text == "{}"
    assert completion.usage == Usage(input_tokens=27, cached_tokens=20, output_tokens=5)


def test_openai_counts_cached_input_as_part_of_input() -> None:
    body = {
        "choices": [{"message": {"content": "{}"}}],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 20},
        },
    }
    with FaultyServer(faults=[Fault(body=json.dumps(body).encode())]) as server:
        completion = asyncio.run(ask(make("openai", server.base_url)))
    assert completion.usage == Usage(input_tokens=30, cached_tokens=20, output_tokens=5)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", [408, 409, 425, 429, 500, 502, 503, 529])
def test_a_busy_or_failing_server_is_worth_another_try(provider: str, code: int) -> None:
    error = fail(provider, [status(code)])
    assert isinstance(error, ModelTransientError)
    assert str(code) in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 501])
def test_a_refusing_server_is_not(provider: str, code: int) -> None:
    error = fail(provider, [status(code), status(code)])
    assert isinstance(error, ModelUnavailableError)
    assert str(code) in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_account_without_credit_is_not_worth_another_try(provider: str) -> None:
    assert isinstance(fail(provider, [status(429, error_code="insufficient_quota")]), ModelUnavailableError)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", [malformed(), html(), empty(), Fault(body=b"[1]")])
def test_a_body_that_is_no_json_object_is_worth_another_try(provider: str, fault: Fault) -> None:
    assert isinstance(fail(provider, [fault]), ModelTransientError)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [{}, {"choices": [], "content": None}, {"choices": [{"message": 1}]}])
def test_json_that_is_no_completion_is_a_reply_error(provider: str, body: object) -> None:
    assert isinstance(fail(provider, [Fault(body=json.dumps(body).encode())]), ModelReplyError)
    assert isinstance(fail(provider, [no_choices()]), ModelReplyError)


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("openai", {"choices": [{"message": {"content": None, "refusal": "I will not"}}]}),
        ("openai", {"choices": [{"message": {"content": "x"}, "finish_reason": "content_filter"}]}),
        ("openai", {"choices": [{"message": {"content": ""}, "finish_reason": "length"}]}),
        ("openai", {"choices": [{"message": {"content": " "}, "finish_reason": "stop"}]}),
        ("anthropic", {"content": [{"type": "text", "text": "x"}], "stop_reason": "refusal"}),
        ("anthropic", {"content": [], "stop_reason": "max_tokens"}),
        ("anthropic", {"content": [{"type": "text", "text": ""}], "stop_reason": "end_turn"}),
    ],
)
def test_a_refusal_or_an_empty_reply_is_a_reply_error(provider: str, body: object) -> None:
    assert isinstance(fail(provider, [Fault(body=json.dumps(body).encode())]), ModelReplyError)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_that_was_cut_off_is_handed_on(provider: str) -> None:
    body = {
        "choices": [{"message": {"content": '{"mo'}, "finish_reason": "length"}],
        "content": [{"type": "text", "text": '{"mo'}],
        "stop_reason": "max_tokens",
    }
    with FaultyServer(faults=[Fault(body=json.dumps(body).encode())]) as server:
        assert asyncio.run(ask(make(provider, server.base_url))).text == '{"mo'


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stall_ends_at_the_time_limit(provider: str) -> None:
    started = time.monotonic()
    error = fail(provider, [stall(30)], timeout_seconds=0.3)
    assert isinstance(error, ModelTransientError)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_broken_connection_is_worth_another_try(provider: str) -> None:
    assert isinstance(fail(provider, [reset()]), ModelTransientError)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_redirect_is_not_followed(provider: str) -> None:
    with FaultyServer(REPLY) as elsewhere:
        error = fail(provider, [redirect(f"{elsewhere.base_url}/chat/completions")])
    assert isinstance(error, ModelUnavailableError)
    assert elsewhere.received == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_is_not_there_is_not_worth_another_try(provider: str) -> None:
    with FaultyServer() as server:
        address = server.base_url
    with pytest.raises(ModelUnavailableError, match="nothing answers"):
        asyncio.run(ask(make(provider, address)))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", [400, 500])
def test_an_error_holds_nothing_that_was_sent(provider: str, code: int) -> None:
    error: BaseException | None = fail(provider, [reflect(code), reflect(code)])
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None
    assert CANARY not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("wait", ["3", "date"])
def test_the_provider_says_when_to_come_back(provider: str, wait: str) -> None:
    text = formatdate(time.time() + 60, usegmt=True) if wait == "date" else wait
    error = fail(provider, [status(429, retry_after=text)])
    assert isinstance(error, ModelTransientError)
    assert error.retry_after_seconds is not None
    assert (50 < error.retry_after_seconds <= 60) if wait == "date" else error.retry_after_seconds == 3


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-5"])
def test_a_strange_retry_after_does_no_harm(provider: str, text: str) -> None:
    error = fail(provider, [status(429, retry_after=text)])
    assert isinstance(error, ModelTransientError)
    assert not error.retry_after_seconds


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_refuses_the_schema_gets_it_in_the_prompt_from_then_on(provider: str) -> None:
    with FaultyServer(REPLY, refuses_schema=True) as server:
        completion = asyncio.run(ask(make(provider, server.base_url), times=2))
    assert completion.structure == "prompt"
    refused, *asked = [json.dumps(received.body) for received in server.received]
    assert len(asked) == 2
    assert "JSON schema" not in refused
    assert all("JSON schema" in body for body in asked)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_schema_that_worked_once_is_not_given_up(provider: str) -> None:
    with FaultyServer(REPLY, faults=[None, status(400)]) as server, pytest.raises(ModelUnavailableError):
        asyncio.run(ask(make(provider, server.base_url), times=2))
    assert len(server.received) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_closed_model_says_so(provider: str) -> None:
    async def run() -> None:
        model = make(provider, "http://127.0.0.1:1")
        await model.close()
        await model.close()
        await model.complete(REQUEST)

    with pytest.raises(ModelUnavailableError, match="closed"):
        asyncio.run(run())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_environment_adds_nothing_to_a_request(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, headers, accounts, and keys meant for somebody else."""
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_CUSTOM_HEADERS", f"X-Extra: {CANARY}")
        monkeypatch.setenv(f"{name}_API_KEY", CANARY)
        monkeypatch.setenv(f"{name}_BASE_URL", "http://127.0.0.1:1")
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with FaultyServer(REPLY) as server:
        asyncio.run(ask(make(provider, server.base_url)))
    headers = server.received[0].headers
    assert CANARY not in json.dumps(dict(headers))
    assert not {"x-stainless-os", "x-stainless-arch", "x-stainless-runtime-version"} & set(headers)


LOUD = """
import asyncio, logging, sys
logging.basicConfig(level=logging.DEBUG)
from delegates.models import Request, Turn, open_model
from delegates.models.openai import OpenAIModel
from evals.server import FaultyServer, reflect
async def ask(provider, address):
    if provider == "hosted":
        model = OpenAIModel("m", key="k", address=address)
    else:
        model = open_model(f"{provider}/m@{address}", environment={})
    request = Request("reserve-9137-canary", (Turn("user", "reserve-9137-canary"),), {"type": "object"}, 9)
    print((await model.complete(request)).structure)
    await model.close()
for provider in ("hosted", "openai", "anthropic"):
    for faults in ([], [reflect(400)]):
        with FaultyServer("reserve-9137-canary", faults=faults) as server:
            asyncio.run(ask(provider, server.base_url))
"""


def test_no_prompt_or_reply_is_logged_even_if_the_environment_asks_for_it() -> None:
    root = Path(__file__).parents[3]
    loud = {
        "OPENAI_LOG": "debug",
        "ANTHROPIC_LOG": "debug",
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
        "PYTHONPATH": str(root),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-c", LOUD],
        env=loud,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.split() == ["schema", "prompt"] * 3
    assert CANARY not in done.stdout + done.stderr


def test_anthropic_traces_are_off_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", "true")
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", "content")

    async def run() -> object:
        model = AnthropicModel("m", base_url="http://127.0.0.1:1")
        options = model._opened().open_telemetry
        await model.close()
        return options

    options = asyncio.run(run())
    assert isinstance(options, dict)
    assert options["propagation"] is False
    assert options["traces"]["enabled"] is False
    assert options["traces"]["content_mode"] == "metadata_only"


def test_importing_the_models_imports_no_sdk() -> None:
    code = (
        "import sys, delegates.models, delegates.models.openai, delegates.models.compatible\n"
        "import delegates.models.anthropic\n"
        "assert not {'openai', 'anthropic', 'httpx2', 'aiohttp'} & set(sys.modules)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
