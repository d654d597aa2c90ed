"""How somebody who owns nothing gets to files: which folders are closed on the way, and what is closed itself."""

from pathlib import Path

import pytest

from sandbox.isolation.way import way


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Below folders that may be closed themselves."""
    (tmp_path / "open/shut/open").mkdir(parents=True)
    (tmp_path / "open/shut/open/file").touch(0o644)
    (tmp_path / "open/shut").chmod(0o700)
    return tmp_path


def doors(*paths: Path) -> set[Path]:
    return {*way(paths).doors}


def above(path: Path) -> set[Path]:
    """The outermost folder that the tests themselves are behind, if there is one."""
    shut = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 1]
    return set(shut[:1])


def test_the_outermost_closed_folder_is_a_door_and_what_is_needed_below_it_is_shown(place: Path) -> None:
    needed = place / "open/shut/open/file"
    found = way([needed])
    assert {*found.doors} == (above(needed) or {place / "open/shut"})
    assert found.shown == (needed,)
    assert found.closed is None


def test_a_way_that_is_open_has_no_door() -> None:
    assert way([Path("/usr")]).doors == ()
    assert way([Path("/usr"), Path("/not/there")]).shown == ()


def test_every_name_that_a_chain_of_links_gives_is_shown(place: Path) -> None:
    last = place / "open/shut/open/file"
    middle = place / "open/shut/middle"
    middle.symlink_to("open/file")
    first = place / "first"
    first.symlink_to(middle)
    assert {middle, last} <= {*way([first]).shown}
    through = place / "through"
    through.symlink_to(place / "open/shut")
    assert last in way([through / "open/file"]).shown


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o000])
def test_a_closed_file_is_found(place: Path, mode: int) -> None:
    file = place / "open/shut/open/file"
    file.chmod(mode)
    assert way([file]).closed == file
    assert way([file.parent]).closed is None


def test_a_folder_that_is_shown_has_to_be_open(place: Path) -> None:
    folder = place / "open/shut"
    assert way([folder]).closed == folder
