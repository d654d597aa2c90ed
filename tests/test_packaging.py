"""What is installed is this repository, whole, and the command starts fast."""

import importlib
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Collection
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
HEAVY = (
    "openai",
    "anthropic",
    "langgraph",
    "langchain_core",
    "pydantic",
    "rich",
    "aiohttp",
    "httpx2",
    "matplotlib",
    "numpy",
    "plotext",
    "scipy",
    "yaml",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_the_one_of_this_repository(name: str) -> None:
    """The names are plain: another distribution could own them too."""
    assert list(importlib.import_module(name).__path__) == [str(ROOT / name)]


def test_every_package_is_declared() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert found == set(PACKAGES)


def test_the_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="negbox")
    assert command.value == "app.cli:main"
    assert callable(command.load())


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        (["--help"], HEAVY),
        # typer itself imports pydantic for a command's own options
        (["run", "--help"], set(HEAVY) - {"pydantic"}),
        (["models", "pull", "--help"], set(HEAVY) - {"pydantic"}),
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], light: Collection[str]) -> None:
    code = (
        "import sys, json, app.cli, app.exits\n"
        f"sys.argv = ['negbox', *{arguments!r}]\n"
        "code = app.exits.guarded(app.cli.app)\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    status, modules = json.loads(found.stderr)
    assert status == 0
    assert found.stdout
    assert set(light) & set(modules) == set()


def test_a_wheel_holds_every_data_file(tmp_path: Path) -> None:
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed here; it is only needed to build")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            ROOT,
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    patterns = (
        "prompts/**/*.md", "prompts/**/pack.toml", "scenarios/**/*.yaml", "delegates/models/*.toml",
        "evals/**/*.md", "evals/**/*.yaml", "evals/report/page.*",
    )  # fmt: skip
    for pattern in patterns:
        expected = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)}
        assert expected
        assert expected <= inside
    sources = {str(path.relative_to(ROOT)) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert sources <= inside
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in inside)
