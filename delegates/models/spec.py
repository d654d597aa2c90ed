"""Model specs, and how a spec becomes a model.

    openai/NAME                  OpenAI; key in OPENAI_API_KEY
    anthropic/NAME               Anthropic; key in ANTHROPIC_API_KEY
    openai/NAME@ADDRESS          a server that speaks OpenAI's Chat Completions, such as
                                 openai/qwen2.5:7b@http://localhost:11434/v1 (Ollama)
    anthropic/NAME@ADDRESS       a server that speaks Anthropic's Messages
    local/ALIAS, local/X.gguf    the embedded engine
    scripted/FILE                replies from a YAML or JSON file
    tactic/NAME                  a classical tactic of bargaining.tactic: no model at all

The environment is read here, once, and nowhere else. The key for a given ADDRESS, if it wants one, is in
NEGBOX_COMPATIBLE_API_KEY: a key for OpenAI or Anthropic is never sent to another address.
"""

import asyncio
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never, get_args
from urllib.parse import urlsplit

from bargaining.errors import InvalidModelError
from delegates.models.interface import Model
from delegates.models.retry import PatientModel, RetryPolicy, Sleep

Provider: TypeAlias = Literal["openai", "anthropic", "local", "scripted", "tactic"]

COMPATIBLE_KEY = "NEGBOX_COMPATIBLE_API_KEY"
"""The environment variable with the key for a server given by its address."""
THINKING_TOKENS = 4096
_EXAMPLES = (
    "write provider/model, for example openai/gpt-6-luna, anthropic/claude-haiku-5-5, "
    "local/path/to/model.gguf, openai/llama3.2@http://localhost:11434/v1, "
    "tactic/boulware or scripted/path/to/script.yaml"
)
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,300}")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,1000}")
_OLD_NAMES = ("gpt-3", "gpt-4", "claude-3", "chatgpt-4o")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model to use. Its text is the spec again, and holds no credentials."""

    provider: Provider
    name: str
    base_url: str | None = None

    @property
    def public(self) -> str:
        """The spec as the other side may read it: without the folders of a file and the address of a server."""
        name = (
            self.name.replace("\\", "/").rpartition("/")[2]
            if self.provider in {"local", "scripted"}
            else self.name
        )
        return f"{self.provider}/{name}" + ("@own-server" if self.base_url else "")

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}" + (f"@{self.base_url}" if self.base_url else "")


def parse(text: str) -> ModelSpec:
    """Read a model spec.

    Raises:
        InvalidModelError: It cannot be understood, or its address is not safe to use. The text is repeated
            only where it cannot hold credentials.
    """
    provider, slash, rest = text.strip().partition("/")
    if not slash or not rest:
        shown = f"'{text[:80]}' is" if "@" not in text and _PLAIN.fullmatch(text[:80]) else "this is"
        raise InvalidModelError(f"{shown} not a model: {_EXAMPLES}")
    if provider not in get_args(Provider):
        shown = f"'{provider}'" if re.fullmatch(r"[\w.-]{1,40}", provider) else "this"
        raise InvalidModelError(f"{shown} is not a provider: {_EXAMPLES}")
    match provider:
        case "openai" | "anthropic":
            name, at, address = rest.partition("@")
            if not _NAME.fullmatch(name):
                raise InvalidModelError(f"the model's name is missing or has spaces in it: {_EXAMPLES}")
            return ModelSpec(provider, name, _checked_address(address) if at else None)
        case "local" | "scripted" | "tactic":
            if not _PLAIN.fullmatch(rest):
                raise InvalidModelError(f"the name after '{provider}/' cannot be used: {_EXAMPLES}")
            if provider == "tactic":
                _check_tactic(rest)
            return ModelSpec(provider, rest)
        case _:
            raise AssertionError(provider)


def open_model(
    spec: ModelSpec | str,
    *,
    seed: int = 0,
    timeout_seconds: float = 60.0,
    policy: RetryPolicy | None = None,
    sleep: Sleep = asyncio.sleep,
    environment: Mapping[str, str] | None = None,
) -> Model:
    """Make a model ready to be asked. Nothing is sent yet.

    Args:
        spec: A spec or its text.
        seed: For providers that take one, and for the jitter between retries.
        timeout_seconds: For one call; the embedded engine has a limit of its own.
        policy: When to ask again.
        sleep: Waits between retries.
        environment: Where keys are found; `os.environ` if None.

    Raises:
        InvalidModelError: A key or a file is missing, or the spec names a tactic.
    """
    if isinstance(spec, str):
        spec = parse(spec)
    keys = os.environ if environment is None else environment
    model: Model
    match spec.provider:
        case "openai":
            model = _openai(spec, _key(spec, keys, "OPENAI_API_KEY"), seed, timeout_seconds)
        case "anthropic":
            from delegates.models.anthropic import AnthropicModel  # noqa: PLC0415

            model = AnthropicModel(
                spec.name,
                key=_key(spec, keys, "ANTHROPIC_API_KEY"),
                base_url=spec.base_url,
                timeout_seconds=timeout_seconds,
            )
        case "local":
            from delegates.models.local import LocalModel  # noqa: PLC0415

            model = LocalModel(spec.name, seed)
        case "scripted":
            from delegates.models.scripted import ScriptedModel  # noqa: PLC0415

            model = ScriptedModel.from_file(spec.name)
        case "tactic":
            raise InvalidModelError(f"{spec} is a tactic, not a model: it needs no model and no key")
        case _:
            assert_never(spec.provider)
    return PatientModel(model, policy or RetryPolicy(), sleep=sleep, seed=seed)


def _openai(spec: ModelSpec, key: str | None, seed: int, timeout_seconds: float) -> Model:
    """OpenAI itself, or a server that speaks its format."""
    if spec.base_url is not None:
        from delegates.models.compatible import CompatibleModel  # noqa: PLC0415

        return CompatibleModel(spec.name, spec.base_url, key=key, seed=seed, timeout_seconds=timeout_seconds)
    from delegates.models.openai import OpenAIModel  # noqa: PLC0415

    assert key is not None, "OpenAI itself needs a key"
    return OpenAIModel(spec.name, key=key, seed=seed, timeout_seconds=timeout_seconds)


def thinking_tokens(spec: ModelSpec) -> int:
    """How many tokens to allow a model for thinking, on top of its reply. Providers count both as output.

    Most hosted models think before they reply and would otherwise use up a short reply's tokens on it. Older
    ones do not think unless asked to, and other servers are left as they are.
    """
    hosted = spec.provider in {"openai", "anthropic"} and spec.base_url is None
    return THINKING_TOKENS if hosted and not spec.name.startswith(_OLD_NAMES) else 0


def _check_tactic(name: str) -> None:
    from bargaining.tactic import TACTICS  # noqa: PLC0415 - heavy: it searches outcomes with numpy

    if name not in TACTICS:
        shown = f" '{name}'" if re.fullmatch(r"[\w.-]{1,40}", name) else ""
        raise InvalidModelError(f"unknown tactic{shown}; there are: {', '.join(sorted(TACTICS))}")


def _key(spec: ModelSpec, keys: Mapping[str, str], variable: str) -> str | None:
    if spec.base_url is not None:
        variable = COMPATIBLE_KEY
    key = keys.get(variable, "").strip()
    if not key:
        if spec.base_url is not None:
            return None
        raise InvalidModelError(
            f"{spec} needs a key: set {variable}, or choose a model that needs none, such as local/…"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidModelError(f"{variable} holds something that cannot be a key: set it again")
    return key


def _checked_address(text: str) -> str:
    problem = "the address after '@' must look like http://localhost:11434/v1 or https://example.org/v1"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise InvalidModelError(problem)
    if parts.username is not None or parts.password is not None or "@" in text:
        raise InvalidModelError(
            "the address after '@' holds a user name or password: take it out and set "
            f"{COMPATIBLE_KEY} instead"
        )
    if parts.query or parts.fragment or not _NAME.fullmatch(text):
        raise InvalidModelError(problem)
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidModelError(
            "the address after '@' is plain http to another machine, and prompts hold the brief: "
            "use https, or an ssh tunnel to localhost"
        )
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
