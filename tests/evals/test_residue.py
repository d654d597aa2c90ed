"""The instrument that looks for what is left: every kind of plant is found, and what was not read is said."""

import base64
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bargaining.errors import InvalidInputError
from evals import residue
from evals.residue import Scan, scan_files, scan_process, scan_processes, scan_raw, traces

TEXT = "canary-" + secrets.token_hex(13)  # 33 characters: no multiple of 3, and two halves of unequal length
PLANTS: Mapping[str, bytes] = {
    "utf-8": TEXT.encode(),
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "utf-32-le": TEXT.encode("utf-32-le"),
    "utf-32-be": TEXT.encode("utf-32-be"),
    "hexadecimal": TEXT.encode().hex().encode(),
    "capitals": TEXT.encode().hex().upper().encode(),
    "base64 0": base64.b64encode(b"..." + TEXT.encode() + b"......"),
    "base64 1": base64.b64encode(b"...." + TEXT.encode() + b"....."),
    "base64 2": base64.b64encode(b"....." + TEXT.encode() + b"...."),
    "backwards": TEXT.encode()[::-1],
    "first half": TEXT.encode()[:17],
    "second half": TEXT.encode()[16:],
    "half in hexadecimal": TEXT.encode()[:17].hex().encode(),
    "half in utf-16": TEXT[16:].encode("utf-16-le"),
}
_HOLD = """
import sys
kept = bytes(byte ^ 0x5A for byte in bytes.fromhex(sys.stdin.readline()))
exec(sys.argv[1])
print(flush=True)
sys.stdin.readline()
"""


@contextmanager
def process(held: bytes, code: str = "") -> Iterator[int]:
    """A process that holds something.."""
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _HOLD, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(bytes(byte ^ 0x5A for byte in held).hex().encode() + b"\n")
        child.stdin.flush()
        assert child.stdout.readline(), "it ended before it held anything"
        yield child.pid
        child.kill()


@pytest.mark.parametrize("plant", PLANTS)
def test_a_canary_in_a_living_process_is_found_in_every_encoding(plant: str) -> None:
    with process(PLANTS[plant]) as pid:
        assert scan_process(pid, TEXT).clean is False


def test_a_process_without_the_canary_is_clean() -> None:
    with process(b"something else") as pid:
        scan = scan_process(pid, TEXT)
    assert scan.clean is True
    assert scan.read_bytes > 2**20
    assert scan.unread == ()


@pytest.mark.parametrize("plant", PLANTS)
def test_a_canary_in_a_file_is_found_in_every_encoding(tmp_path: Path, plant: str) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_001 + PLANTS[plant] + b"x" * 99)
    assert scan_files(TEXT, [tmp_path]).clean is False
    assert scan_raw(TEXT, tmp_path / "file").clean is False


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_whatever_surrounds_it(size: int, before: int, after: int, encode: object) -> None:
    assert callable(encode)
    canary = b"\xfb\xff\xbe" + secrets.token_bytes(8 + size).replace(b"\0", b"x")
    encoded = encode(b"?" * before + canary + b"?" * after)
    assert any(pattern in encoded for pattern in traces(canary).values())


def test_a_canary_that_is_no_ascii_is_found_too(tmp_path: Path) -> None:
    canary = "Ātemüß-ĀĀ-" + secrets.token_hex(6)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        (tmp_path / "file").write_bytes(b"\0" * 3 + canary.encode(encoding) + b"\0" * 3)
        assert scan_raw(canary, tmp_path / "file").clean is False, encoding


@pytest.mark.parametrize("canary", ["short", b"1234567", b"with a \0 in it, and long"])
def test_a_canary_that_chance_could_write_is_refused(canary: bytes | str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        traces(canary)
    assert str(canary) not in str(caught.value)


def test_a_canary_across_the_border_of_two_reads_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "CHUNK", 4096)
    for at in range(4096 - 40, 4096 + 8):
        (tmp_path / "file").write_bytes(b"x" * at + TEXT.encode() + b"x" * 5000)
        scan = scan_raw(TEXT, tmp_path / "file")
        assert sorted((hit.encoding, hit.count) for hit in scan.hits) == [
            ("utf-8 (first half)", 1),
            ("utf-8 (second half)", 1),
        ]


def test_a_canary_amid_zeros_is_found_at_every_border_of_a_window(tmp_path: Path) -> None:
    for at in (0, 1, 2**15 - 40, 2**15 - 1, 2**15, 2**16 - 20, 2**17):
        (tmp_path / "file").write_bytes(bytes(at) + PLANTS["utf-16-be"] + bytes(2**16))
        assert scan_raw(TEXT, tmp_path / "file").clean is False


def test_a_name_that_holds_the_canary_is_found_and_never_told(tmp_path: Path) -> None:
    (tmp_path / TEXT).mkdir()
    (tmp_path / TEXT / "inside").write_text(TEXT)
    (tmp_path / "link").symlink_to(TEXT)
    scan = scan_files(TEXT, [tmp_path])
    places = " ".join(hit.where for hit in scan.hits)
    assert "a name in it" in places
    assert "where it points" in places
    assert "inside" in places
    assert TEXT not in repr(scan)
    assert TEXT[:17] not in repr(scan)


def test_a_canary_in_an_attribute_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    try:
        os.setxattr(tmp_path / "file", "user.note", TEXT.encode())
    except OSError:
        pytest.skip("this file system keeps no attributes")
    scan = scan_files(TEXT, [tmp_path])
    assert next(hit.where for hit in scan.hits).endswith("file, an attribute")


def test_files_that_did_not_change_are_not_read_but_their_names_are(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(TEXT)
    later = time.time() + 10
    assert scan_files(TEXT, [tmp_path], since=later).clean is True
    assert scan_files(TEXT, [tmp_path], since=later - 20).clean is False
    (tmp_path / TEXT).touch()
    assert scan_files(TEXT, [tmp_path], since=later).clean is False


def test_changing_a_files_time_back_does_not_hide_it(tmp_path: Path) -> None:
    begun = time.time() - 1
    (tmp_path / "new").write_text(TEXT)
    os.utime(tmp_path / "new", (0, 0))
    assert scan_files(TEXT, [tmp_path], since=begun).clean is False


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert scan_files(TEXT, [tmp_path]).clean is True


def test_what_cannot_be_read_is_listed_and_leaves_the_answer_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("nothing here")
    scan = scan_files(TEXT, [tmp_path, tmp_path / "missing"])
    assert scan.clean is None
    assert scan.unread == ((str(tmp_path / "missing"), "No such file or directory"),)
    assert scan_raw(TEXT, tmp_path / "none").clean is None
    assert Scan().clean is None, "who read nothing knows nothing"


def test_a_page_that_cannot_be_read_is_listed_and_what_is_around_it_is_read(tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(bytes(16 * os.sysconf("SC_PAGE_SIZE")))
    code = f"import mmap; file = open({str(cut)!r}, 'r+b'); cut = mmap.mmap(file.fileno(), 0)"
    with process(b"", code) as pid:
        os.truncate(cut, os.sysconf("SC_PAGE_SIZE"))
        scan = scan_process(pid, TEXT)
        assert scan.clean is None
        (unread,) = scan.unread
        assert str(15 * os.sysconf("SC_PAGE_SIZE")) in unread[0]
        cut.write_bytes(TEXT.encode())
        assert scan_process(pid, TEXT).clean is False


def test_memory_that_its_process_may_not_read_is_read() -> None:
    code = (
        "import ctypes, mmap\n"
        "area = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "area.write(kept[:33])\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(area))\n"
        "assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(address), 1 << 20, 0)"
    )
    with process(TEXT.encode(), code) as pid:
        assert any("---p" in hit.where for hit in scan_process(pid, TEXT).hits)


def test_a_scan_of_processes_names_what_it_left_out() -> None:
    with process(TEXT.encode()) as first, process(TEXT.encode()) as second:
        mine = {os.getpid(), first, second}
        scan = scan_processes(TEXT, only=mine, except_={second: "the principal"})
        assert {hit.where.partition(",")[0] for hit in scan.hits} == {f"process {first}"}
        assert dict(scan.skipped) == {
            f"process {os.getpid()}": "the scanner, which holds the canary itself",
            f"process {second}": "the principal",
        }


def test_a_process_that_has_ended_survives_nothing() -> None:
    with process(TEXT.encode()) as pid:
        pass
    scan = scan_process(pid, TEXT)
    assert scan.skipped == ((f"process {pid}", "it ended meanwhile"),)
    assert scan.clean is None


def test_scans_add_up() -> None:
    clean, dirty = Scan(read_bytes=5, seconds=1), Scan(hits=(residue.Hit("x", "utf-8"),), read_bytes=7)
    open_ = Scan(read_bytes=1, unread=(("x", "why"),))
    assert (clean + dirty).clean is False
    assert (clean + open_).clean is None
    assert (clean + clean).clean is True
    assert (clean + dirty).read_bytes == 12


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An empty ext4 file system in a file."""
    if not (shutil.which("mkfs.ext4") and shutil.which("debugfs")):
        pytest.skip("needs mkfs.ext4 and debugfs (e2fsprogs)")
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True, capture_output=True)
    return path


def change(image: Path, *commands: str) -> None:
    for command in commands:
        subprocess.run(["debugfs", "-w", "-R", command, image], check=True, capture_output=True)


def test_a_deleted_file_is_found_in_the_raw_image_of_its_file_system(image: Path, tmp_path: Path) -> None:
    assert scan_raw(TEXT, image).clean is True
    (tmp_path / "file").write_text("x" * 5000 + TEXT)
    change(image, f"write {tmp_path / 'file'} file")
    assert scan_raw(TEXT, image).clean is False
    change(image, "rm file")
    listing = subprocess.run(["debugfs", "-R", "ls", image], check=True, capture_output=True, text=True)
    assert " file " not in listing.stdout
    assert scan_raw(TEXT, image).clean is False


def test_the_name_of_a_deleted_file_is_found_in_the_raw_image(image: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("nothing")
    change(image, f"write {tmp_path / 'file'} {TEXT}", f"rm {TEXT}")
    assert scan_raw(TEXT, image).clean is False


def test_no_scan_is_slower_than_a_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(secrets.token_bytes(1 << 24))
    scan = scan_raw(TEXT, tmp_path / "file")
    assert scan.clean is True
    assert scan.megabytes_per_second > 10
