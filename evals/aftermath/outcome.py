"""What a run has left where its results are written, and whether that belongs together.

Covered: both files or neither; the statement is signed by the host's own key, and it is about this agreement; the
agreement is one that the agenda admits. Not covered: what the statement says; `negbox verify` shows that.
"""

import json
from pathlib import Path

from bargaining.agenda import Agenda
from bargaining.agreement import Agreement
from bargaining.errors import NegboxError
from institutions import signature
from institutions.keys import FILE, HostKey
from sandbox import export

_FILES = {"agreement.json", "statement.json"}


def read(out: Path, home: Path, agenda: Agenda) -> str:
    """An `ending.Result`, or what is wrong with it.

    Args:
        out: Where the results are written.
        home: Where the host's key is, somewhere below.
        agenda: What was negotiated.
    """
    names = {path.name for path in out.rglob("*")}
    if not names:
        return "nothing"
    if names != _FILES:
        return f"a part only, or more: {', '.join(sorted(names))}"
    agreement = (out / "agreement.json").read_bytes()
    try:
        host = next(HostKey.load(file).public for file in home.rglob(FILE))
        said = signature.verify((out / "statement.json").read_bytes(), signature.IN_TOTO_TYPE, [host])
        about = [subject["digest"]["sha256"] for subject in json.loads(said)["subject"]]
        result = export.read(agreement, agenda)
    except (NegboxError, ValueError, LookupError, StopIteration) as error:
        return f"a result that cannot be verified: {type(error).__name__}"
    if about != [export.digest(agreement).removeprefix("sha256:")]:
        return "a statement about another agreement"
    return "agreement" if isinstance(result, Agreement) else "no deal"
