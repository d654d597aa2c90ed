"""The measurement of a guest's RAM, as far as it goes without a guest."""

import base64
import io
import os
import platform
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bargaining.errors import SandboxError
from benchmarks.residue_ram import __main__ as command
from benchmarks.residue_ram import image, preflight
from benchmarks.residue_ram.canary import DIGITS, HALF, derive
from benchmarks.residue_ram.case import CASES, Case, named
from benchmarks.residue_ram.finding import Finding, by_owner, copies, judged, table
from benchmarks.residue_ram.guest import owners, principal
from benchmarks.residue_ram.ram import NOBODY, PAGE, Look, look, owned
from delegates import scenario
from evals.scan import Hit, Scan
from sandbox import trial

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guest is made of a Linux machine")

CHUNK = 4096
SIZE = 16 * CHUNK
BRIEF, CONTROL = derive("word", "brief"), derive("word", "control")
CLEAN = Scan(read_bytes=1)
RUN = {"ending": "agreed", "isolation": "bwrap"}


@contextmanager
def ram(*planted: tuple[int, bytes]) -> Iterator[int]:
    descriptor = os.memfd_create("ram")
    try:
        os.ftruncate(descriptor, SIZE)
        for at, data in planted:
            os.pwrite(descriptor, data, at)
        yield descriptor
    finally:
        os.close(descriptor)


def found(count: int, encoding: str = "utf-8") -> Scan:
    halves = (f"{encoding} (first half)", f"{encoding} (second half)")
    return Scan(tuple(Hit("RAM", half, count) for half in halves), 1)


def seen(brief: Scan, control: Scan | None = None) -> Look:
    return Look(brief, control or found(1))


def test_a_canary_says_nothing_of_its_word_and_is_what_a_limit_can_hold() -> None:
    assert len(BRIEF) == DIGITS
    assert BRIEF.isdecimal()
    assert "0" not in BRIEF
    assert BRIEF != CONTROL
    assert BRIEF == derive("word", "brief") != derive("another", "brief")


@pytest.mark.parametrize("back", [1, HALF - 1, HALF, HALF + 1, DIGITS - 1])
def test_a_canary_is_found_across_the_borders_of_pieces(back: int) -> None:
    with ram((5 * CHUNK - back, BRIEF.encode()), (0, CONTROL.encode())) as descriptor:
        what = look(descriptor, BRIEF, CONTROL, CHUNK)
    assert copies(what.brief) == copies(what.control) == 1
    assert what.brief.read_bytes == SIZE


def test_every_copy_in_every_encoding_is_counted_to_the_last_byte() -> None:
    wide = BRIEF.encode("utf-16-le")
    text = BRIEF.encode()
    with ram((100, wide), (3 * CHUNK, text), (SIZE - DIGITS, text), (7000, text[:HALF])) as descriptor:
        what = look(descriptor, BRIEF, CONTROL, CHUNK)
    counts = {hit.encoding: hit.count for hit in what.brief.hits}
    assert counts["utf-8 (first half)"] == 3
    assert counts["utf-8 (second half)"] == 2
    assert copies(what.brief) == 4
    assert what.control.clean is True


def test_a_copy_is_told_to_be_on_the_pages_of_whoever_had_them() -> None:
    bits = {"box": b"\x28", "broker": b"\0\x03"}  # pages 3 and 5; 8 and 9
    text = BRIEF.encode()
    planted = [(page * PAGE, text) for page in (3, 8, 9, 12)]
    with ram((0, CONTROL.encode()), *planted) as descriptor:
        hits = owned(descriptor, BRIEF, bits)
    assert by_owner(hits) == {"box": 1, "broker": 2, NOBODY: 1}


def test_the_pages_of_processes_survive_the_way_out_of_the_guest() -> None:
    packed = base64.b64encode(zlib.compress(b"\0\x03")).decode()
    assert owners.unpack(packed) == b"\0\x03"


def test_each_case_is_measured_with_and_without_zeroing_and_controls_come_first() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    plain = [case for case in CASES if not case.zeroing]
    assert [f"{case.name}-zeroing" for case in plain] == [case.name for case in CASES if case.zeroing]
    assert [case.expected for case in plain[:3]] == ["hits", "hits", "none"]


@pytest.mark.parametrize(
    ("name", "told", "alive", "left", "problem"),
    [
        ("alive", {}, None, seen(found(1)), ""),
        ("alive", {}, None, seen(CLEAN), "must be found"),
        ("cleaned", {}, None, seen(CLEAN), ""),
        ("cleaned", {}, None, seen(found(1)), "must not be found"),
        ("shipped", RUN, seen(found(9)), seen(CLEAN), ""),
        ("shipped", RUN, seen(found(9)), seen(CLEAN, CLEAN), "living process"),
        ("shipped", RUN, seen(found(9), CLEAN), seen(CLEAN), "living process"),
        ("shipped", RUN, seen(CLEAN), seen(CLEAN), "nothing of its brief"),
        ("shipped", RUN, None, seen(CLEAN), "nothing of its brief"),
        ("shipped", RUN, seen(found(9)), seen(Scan(read_bytes=1, unread=(("RAM", "cut"),))), "cut"),
        ("shipped", {**RUN, "isolation": "landlock"}, seen(found(9)), seen(CLEAN), "did not go"),
        ("shipped", {"problem": "negbox: no"}, seen(found(9)), seen(CLEAN), "negbox: no"),
        ("others", {**RUN, "starter wiped": False}, seen(found(9)), seen(CLEAN), "starter"),
        ("none", {**RUN, "isolation": "none"}, None, seen(found(2)), ""),
    ],
)
def test_what_is_no_measurement_says_why(
    name: str, told: dict[str, object], alive: Look | None, left: Look, problem: str
) -> None:
    said = judged(named(name), told, alive, left)
    assert (problem in said) if problem else said == ""


def test_the_table_has_a_line_for_a_case_and_says_what_was_not_measured() -> None:
    findings = [
        Finding(named("shipped"), 60.2, seen(found(200)), seen(found(1048)), [Hit("nobody", "utf-8", 1048)]),
        Finding(named("shipped"), 70.4, seen(found(210)), seen(found(90, "utf-16-le"))),
        Finding(named("shipped-zeroing"), 65.0, seen(found(200)), seen(CLEAN)),
        Finding(named("none"), 30.0, None, None, (), "the guest ended"),
    ]
    text = "\n".join(table(findings))
    row = (
        "| `negbox run` as shipped | 200 to 210 | 90 to 1,048 | utf-8 0 to 1,048, utf-16-le 0 to 90 "
        "| nobody 0 to 1,048 | 0 | 60 to 70 |"
    )
    assert row in text
    assert "| `negbox run --isolation none` |  | no measurement |" in text
    assert "- none: the guest ended" in text


def test_a_control_that_fails_leaves_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(case: Case, *_: object) -> Finding:
        return Finding(case, 1.0, None, seen(CLEAN), (), "it was not found")

    monkeypatch.setattr(command, "_measure", measure)
    monkeypatch.setattr(image, "write", lambda *_: None)
    tools = preflight.Tools(Path("qemu"), Path("kernel"), Path("bwrap"))
    rows = command._measured(CASES, tools, 1024, "")
    assert next(rows).problem
    with pytest.raises(SandboxError, match="no result"):
        next(rows)


def test_whatever_is_missing_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(trial, "find_bubblewrap", lambda: None)
    monkeypatch.setattr(preflight, "_available_mib", lambda: 10)
    said = preflight.missing(tmp_path / "no-kernel", 1024)
    for word, way in [("qemu", "apt-get"), ("ldd", "apt-get"), ("bubblewrap", "pip"), ("free", "--memory")]:
        assert [each for each in said if word in each and way in each], word
    assert f"{tmp_path / 'no-kernel'}: no such file, or it cannot be read" in said
    monkeypatch.setattr(preflight, "_kernel", lambda _: None)
    assert [each for each in preflight.missing(None, 1024) if "dpkg -x" in each]


def test_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    (only,) = preflight.missing(None, 1024)
    assert "x86-64" in only


def test_the_brief_of_the_guest_is_one_that_negbox_takes(tmp_path: Path) -> None:
    file = tmp_path / principal.SCENARIO
    file.write_text(principal.scenario(BRIEF))
    loaded = scenario.load(file)
    assert all(BRIEF in brief.to_yaml() for brief in loaded.briefs.values())
    assert BRIEF not in loaded.agenda.model_dump_json()
    scripts = principal.write_scripts(tmp_path)
    assert scripts.keys() == set(loaded.agenda.roles)


def test_the_archive_keeps_links_and_what_they_point_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "module.py").write_text("A = 1\n")
    (tmp_path / "link").symlink_to("real")
    archive = io.BytesIO()
    tree = image._Tree(archive)
    tree.add(tmp_path / "link" / "module.py")
    tree.add(tmp_path / "link" / "module.py")
    tree.close()
    data = archive.getvalue()
    inside = str(tmp_path).lstrip("/").encode()
    assert data.count(inside + b"/link\0") == 1
    assert data.count(inside + b"/real/module.py\0") == 1
    assert inside + b"/real/__pycache__/module." in data
    assert data.count(b"A = 1\n") == 1
    assert b"TRAILER!!!\0" in data
    assert len(data) % 4 == 0
