"""Facts about a machine: real ones that hold here, and read from folders that look like other machines."""

import gzip
import os
from pathlib import Path

import pytest

from sandbox import host, trial
from sandbox.fact import Known, Unknown
from sandbox.host import Swap


def machine(root: Path, **files: str) -> Path:
    """A root folder; names of files have `__` for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_is_known() -> None:
    facts = host.gather({})
    assert facts.kernel.startswith("Linux ")
    assert isinstance(facts.landlock_abi, Known)
    assert isinstance(facts.seccomp, Known)
    assert facts.user_namespaces == trial.user_namespaces()
    assert facts.core_piped is not None
    assert isinstance(facts.swapped_out_pages, Known)
    assert isinstance(facts.own_users, Known)
    assert os.geteuid() == 0 or not facts.own_users.value


def test_nothing_is_known_of_a_machine_without_proc(tmp_path: Path) -> None:
    facts = host.gather({}, root=tmp_path)
    for fact in (facts.swap, facts.init_on_free, facts.core_pattern, facts.ptrace_scope, facts.real_root):
        assert isinstance(fact, Unknown)
        assert fact.reason
    assert facts.core_piped is None


def test_swap_is_listed_with_its_size_and_use(tmp_path: Path) -> None:
    head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    assert host.swap(machine(tmp_path, proc__swaps=head)) == Known(())
    row = "/dev/zram0                              partition\t1024\t\t8\t\t100\n"
    assert host.swap(machine(tmp_path, proc__swaps=head + row)) == Known((Swap("/dev/zram0", 2**20, 8192),))


def test_a_file_that_looks_different_is_unknown(tmp_path: Path) -> None:
    found = host.swap(machine(tmp_path, proc__swaps="Filename\nnonsense\n"))
    assert isinstance(found, Unknown)
    assert "expected" in found.reason


@pytest.mark.parametrize(
    ("line", "built", "expected"),
    [
        ("quiet init_on_free=1", None, Known(True, "kernel command line")),
        (
            "init_on_free=1 init_on_free=0",
            "CONFIG_INIT_ON_FREE_DEFAULT_ON=y",
            Known(False, "kernel command line"),
        ),
        ("quiet", "CONFIG_INIT_ON_FREE_DEFAULT_ON=y\n", Known(True, "kernel configuration")),
        ("quiet", "# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n", Known(False, "kernel configuration")),
    ],
)
def test_zeroing_is_what_the_command_line_says_and_else_how_the_kernel_was_built(
    tmp_path: Path, line: str, built: str | None, expected: Known[bool]
) -> None:
    root = machine(tmp_path, proc__cmdline=line)
    if built is not None:
        (root / "proc/config.gz").write_bytes(gzip.compress(built.encode()))
    assert host.init_on_free(root, "6.1") == expected


def test_zeroing_is_unknown_if_nothing_says(tmp_path: Path) -> None:
    assert isinstance(host.init_on_free(machine(tmp_path, proc__cmdline="quiet"), "6.1"), Unknown)
    built = machine(tmp_path / "b", **{"boot__config-6.1": "CONFIG_INIT_ON_FREE_DEFAULT_ON=y"})
    assert isinstance(host.init_on_free(built, "6.1"), Unknown), "the command line could say otherwise"


@pytest.mark.parametrize(
    ("pattern", "piped"), [("core", False), ("|/usr/bin/x %p", True), ("@/run/x.socket", True)]
)
def test_a_core_pattern_for_a_program_or_a_socket_is_told_apart(
    tmp_path: Path, pattern: str, piped: bool
) -> None:
    root = machine(tmp_path, proc__sys__kernel__core_pattern=pattern + "\n")
    assert host.gather({}, root=root).core_piped is piped


def test_without_yama_every_process_of_a_user_may_look(tmp_path: Path) -> None:
    assert host.ptrace_scope(machine(tmp_path, proc__sys__kernel__x="")) == Known(0, "the kernel has no Yama")
    assert host.ptrace_scope(machine(tmp_path, proc__sys__kernel__yama__ptrace_scope="2\n")) == Known(2)


def test_root_of_a_user_namespace_is_not_root(tmp_path: Path) -> None:
    inside = machine(tmp_path, proc__self__uid_map="         0       1000          1\n")
    assert host.real_root(inside) == Known(False)
    whole = machine(tmp_path, proc__self__uid_map="         0          0 4294967295\n")
    assert host.real_root(whole) == Known(os.geteuid() == 0)


def test_tracing_variables_are_named_and_their_values_are_not() -> None:
    environment = {
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_API_KEY": "secret",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
        "ANTHROPIC_LOG": "debug",
        "OPENAI_LOG": "info",
        "LANGCHAIN_TRACING_V2": "false",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_SDK_DISABLED": "true",
        "LOGNAME": "me",
        "PATH": "/bin",
        "X": "LANGSMITH_TRACING=true",
    }
    found = host.tracing(environment)
    assert found == (
        "ANTHROPIC_LOG",
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE",
        "LANGCHAIN_API_KEY",
        "LANGSMITH_TRACING",
        "OPENAI_LOG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    assert "secret" not in repr(host.gather(environment))


def test_pages_swapped_out_are_counted_also_those_compressed(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__vmstat="nr_free_pages 5\npswpin 1\npswpout 7\nzswpout 3\n")
    assert host.swapped_out_pages(root) == Known(10)


def fake_bubblewrap(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_bubblewrap_that_cannot_build_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = 'test "$1" = --version && echo bubblewrap 0.8.0 || { echo bwrap: no permissions >&2; exit 1; }'
    fake_bubblewrap(tmp_path, said, monkeypatch)
    found = trial.bubblewrap()
    assert isinstance(found, Known)
    assert found.value is not None
    assert (found.value.version, found.value.works) == ("0.8.0", False)
    assert "no permissions" in found.value.problem


def test_a_bubblewrap_that_hangs_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_bubblewrap(tmp_path, "while :; do :; done", monkeypatch)
    monkeypatch.setattr(trial, "TRIAL_SECONDS", 0.1)
    assert isinstance(trial.bubblewrap(), Unknown)


def test_a_machine_without_bubblewrap_is_known_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "find_bubblewrap", lambda: None)
    found = trial.bubblewrap()
    assert isinstance(found, Known)
    assert found.value is None


def test_trials_hear_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_bubblewrap(tmp_path, 'echo bubblewrap 1; test -z "$BRIEF"', monkeypatch)
    monkeypatch.setenv("BRIEF", "secret")
    found = trial.bubblewrap()
    assert isinstance(found, Known)
    assert found.value is not None
    assert found.value.works
