"""A host and two parties: open boxes as the command opens them, in processes of their own, and what is typed beside."""

import base64
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app import exits
from app.cli import app
from evals.server import FaultyServer, stall
from sandbox import host
from sandbox.claim import Claim
from sandbox.isolation import ladder
from sandbox.seal import SealedBrief, seal
from tests.app.command import COMMAND, ROOT, SCENARIO, Ended

LEVELS = ladder.available(host.gather())
NONCE = "made up by the seller"
ROLES = ("seller", "buyer")
WHOLE = yaml.safe_load(SCENARIO)

needs_walls = pytest.mark.skipif(
    LEVELS[0] == "none", reason="this machine has neither namespaces nor Landlock"
)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this never came about"
        time.sleep(0.005)


def tree(pid: int) -> list[int]:
    """All that a process has started, and what they have."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile, and has none
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *tree(child)]
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Command:
    """A command in a process of its own. What it shows is kept in a file, so that it never waits for a reader."""

    def __init__(self, process: "subprocess.Popen[bytes]", shown: Path) -> None:
        self.process = process
        self._shown = shown

    @property
    def shown(self) -> str:
        return self._shown.read_text()

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until it has shown a text so many times."""
        wait_for(lambda: self.shown.count(text) >= times or self.process.poll() is not None)
        assert self.shown.count(text) >= times, self.shown

    def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        return self.process.wait(60)

    def crew(self) -> dict[str, int]:
        """The processes of its oldest box, by module: that is the one on offer."""
        found: dict[str, int] = {}
        for pid in tree(self.process.pid):
            words: list[bytes] = []
            with suppress(FileNotFoundError, ProcessLookupError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"-m" in words and b"--args" not in words:
                found.setdefault(words[words.index(b"-m") + 1].decode(), pid)
        return found


class Place:
    """A folder with an agenda and a brief for each role, and the machine of all that is typed there."""

    def __init__(self, root: Path, agenda: Mapping[str, Any] = WHOLE["agenda"]) -> None:
        self.root = root
        self.at = root / "box"
        self.agenda = root / "agenda.yaml"
        self.agenda.write_text(yaml.safe_dump(agenda))
        for role in ROLES:
            (root / f"{role}.yaml").write_text(yaml.safe_dump(WHOLE["briefs"][role]))
        (root / "tmp").mkdir()
        self._environment = {
            "XDG_CONFIG_HOME": str(root / "config"),
            "TMPDIR": str(root / "tmp"),
            "PYTHONPATH": str(ROOT),
            "OPENAI_API_KEY": "",
        }
        self._running = ExitStack()
        self._count = 0

    def start(self, *arguments: str | Path) -> Command:
        """Start a command in a process of its own."""
        self._count += 1
        shown = self.root / f"shown-{self._count}"
        with shown.open("wb") as file:
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                env={**os.environ, **self._environment},
                cwd=self.root,
                stdout=file,
                stderr=file,
            )
        self._running.callback(_end, process)
        return Command(process, shown)

    def type(self, *arguments: str | Path) -> Ended:
        """Run a command in this process."""
        interrupt = threading.Timer(60, os.kill, (os.getpid(), signal.SIGINT))  # should it wait for ever
        interrupt.daemon = True
        interrupt.start()
        try:
            found = CliRunner().invoke(app, [str(each) for each in arguments], env=self._environment)
        finally:
            interrupt.cancel()
        error = found.exception if not isinstance(found.exception, SystemExit) else None
        code = exits.code_of(error) if error else found.exit_code
        return Ended(code, found.stdout, found.stderr + (f"negbox: {error}" if error else ""))

    def open(self, *options: str | Path) -> Command:
        """Open a box, and wait until it is."""
        opened = self.start("box", "open", self.agenda, "--at", self.at, "--no-advisor", *options)
        opened.shows("Open: run")
        return opened

    def claim(self) -> Claim:
        """What the open box says of itself."""
        envelope = json.loads((self.at / "claim.json").read_bytes())
        return Claim.from_bytes(base64.b64decode(envelope["payload"]))

    def sealed(self, *, content: bytes | None = None, roles: Sequence[str] = ROLES) -> list[Path]:
        """Briefs of these roles, sealed to the claim that is there."""
        claim, files = self.claim(), []
        for number, role in enumerate(roles):
            brief = (self.root / f"{role}.yaml").read_bytes() if content is None else content
            file = self.root / f"{number}-{claim.run}.sealed"
            file.write_bytes(seal(brief, claim.key, run_id=claim.run, role=role).to_bytes())
            files.append(file)
        return files

    def run(self, sealed: Sequence[Path], out: str = "result", *options: str) -> Ended:
        """Hand sealed briefs to the box."""
        return self.type("box", "run", "--at", self.at, *sealed, "--out", self.root / out, *options)

    def statement(self, out: str = "result") -> dict[str, Any]:
        """What the statement of a result says."""
        envelope = json.loads((self.root / out / "statement.json").read_bytes())
        said: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
        return said

    def close(self) -> None:
        """End all that was started here."""
        self._running.close()

    def remove(self, out: str = "result") -> None:
        shutil.rmtree(self.root / out, ignore_errors=True)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@contextmanager
def placed(root: Path) -> Iterator[Place]:
    """A place, as long as the block lasts."""
    place = Place(root)
    try:
        yield place
    finally:
        place.close()


@contextmanager
def standing_still() -> Iterator[str]:
    """A model that never answers, so that a run stays in its first turn."""
    with FaultyServer(faults=lambda _: stall(120)) as server:
        yield f"openai/m@{server.base_url}"


def altered(sealed: Path) -> Path:
    """The same sealed brief with one byte of the ciphertext changed, and still in its form."""
    brief = SealedBrief.from_bytes(sealed.read_bytes())
    data = bytearray(base64.b64decode(brief.sealed))
    data[-100] ^= 1
    file = sealed.with_suffix(".altered")
    file.write_bytes(brief.model_copy(update={"sealed": base64.b64encode(bytes(data)).decode()}).to_bytes())
    return file


ENDS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
