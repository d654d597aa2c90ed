"""`negbox models`: list, fetch and check the weights of the embedded engine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from delegates.models.weights import Progress

app = typer.Typer(
    help="List, fetch and check the weights of the embedded engine. They are kept in your data folder, or in "
    "the folder that the environment variable NEGBOX_WEIGHTS names.",
    no_args_is_help=True,
)

_Alias = Annotated[str, typer.Argument(help="Which weights, by the alias that 'negbox models list' shows.")]
_DEFAULT = (
    "qwen2.5-coder-1.5b"  # a literal, so that --help does not import the catalogue; a test compares them
)
_PLAIN_LINE_SECONDS = 5.0


@app.command("list")
def list_() -> None:
    """List the weights that have an alias, and which are installed."""
    from rich.table import Table  # noqa: PLC0415

    from delegates.models import weights  # noqa: PLC0415

    table = Table("alias", "size", "licence", "publisher", "installed", box=None, pad_edge=False)
    for entry in weights.catalogue().values():
        place = weights.installed(entry)
        default = " (default)" if entry.alias == weights.DEFAULT_ALIAS else ""
        table.add_row(
            f"{entry.alias}{default}",
            _bytes(entry.size),
            entry.licence,
            entry.publisher,
            "yes" if place else "no",
        )
    console = _console()
    console.print(table)
    console.print(f"\nKept in {weights.folder()}", soft_wrap=True)
    console.print(
        "Use them as local/ALIAS, and any other GGUF file as local/PATH.gguf.",
        soft_wrap=True,
    )


@app.command()
def pull(
    alias: _Alias = _DEFAULT,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Take this file, or the file in this folder, instead of fetching it."),
    ] = None,
) -> None:
    """Fetch weights, check their SHA-256 and put them in place. Goes on where an earlier pull stopped."""
    from delegates.models import download  # noqa: PLC0415

    console = _console()
    try:
        with _progress(console, alias) as advance:
            path = download.pull(
                alias,
                progress=advance,
                source=source,
                notice=lambda text: console.print(text, soft_wrap=True),
            )
    except KeyboardInterrupt:
        console.print(f"Stopped. Run negbox models pull {alias} again to go on from here.", soft_wrap=True)
        raise
    console.print(f"Ready: {path}\nUse it as local/{alias}.", soft_wrap=True)


@app.command()
def check(alias: _Alias = _DEFAULT) -> None:
    """Read installed weights again and compare their SHA-256 with the published one."""
    from delegates.models import weights  # noqa: PLC0415

    console = _console()
    with _progress(console, alias) as advance:
        path = weights.check(alias, advance)
    console.print(f"Intact: {path}", soft_wrap=True)


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False)


@contextmanager
def _progress(console: "Console", label: str) -> "Iterator[Progress]":
    """Show bytes, speed and the time left: a bar on a terminal, now and then a line elsewhere."""
    if not console.is_terminal:
        yield _Lines(console, label)
        return
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Progress for a log: a line every few seconds."""

    def __init__(self, console: "Console", label: str) -> None:
        self._console, self._label = console, label
        self._next = time.monotonic() + _PLAIN_LINE_SECONDS

    def __call__(self, done: int, total: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _PLAIN_LINE_SECONDS
            share = 100 * done // max(total, 1)
            self._console.print(
                f"{self._label}: {_bytes(done)} of {_bytes(total)} ({share} %)", soft_wrap=True
            )


def _bytes(number: int) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
