"""Virtual environments of peers that cannot live together with ours, or should not for their licence.

They are made by `--setup` in a folder of the user's cache and never in the repository.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.orchestration.catalogue import CATALOGUE, Entry

_REQUIREMENTS = Path(__file__).parent / "requirements"


def default_folder() -> Path:
    """Where environments are, unless told otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "negotiation-box" / "benchmark-environments"


def interpreter(entry: Entry, folder: Path) -> Path | None:
    """The interpreter that can import a peer, or None if its environment is not there."""
    if entry.environment is None:
        return Path(sys.executable)
    python = folder / entry.environment / "bin" / "python"
    return python if python.exists() else None


def set_up(folder: Path) -> None:
    """Make the environments that are missing. One that cannot be made is reported and left out."""
    folder.mkdir(parents=True, exist_ok=True)
    # without compiled files an import takes more than twice as long
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name in sorted({entry.environment for entry in CATALOGUE if entry.environment}):
        place = folder / name
        done = place / "installed"
        if done.exists():
            print(f"{name}: there already")
            continue
        print(f"{name}: installing …", flush=True)
        install = [
            str(place / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True, env=variables)
            subprocess.run([*install, "-r", str(_REQUIREMENTS / f"{name}.txt")], check=True, env=variables)
        except subprocess.CalledProcessError as error:
            print(f"{name}: not installed (status {error.returncode})")
        else:
            done.touch()
