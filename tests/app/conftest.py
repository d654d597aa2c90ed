"""A terminal to type commands in, and a scenario full of canaries."""

from pathlib import Path

import pytest

from tests.app.command import SCENARIO, Terminal


@pytest.fixture
def negbox(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Terminal:
    """The command, with a host's key of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "NEGBOX_COMPATIBLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal(capsys, monkeypatch)


@pytest.fixture
def boat(tmp_path: Path) -> Path:
    """A scenario that works, with canaries in both briefs."""
    path = tmp_path / "boat.yaml"
    path.write_text(SCENARIO)
    return path
