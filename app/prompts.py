"""`negbox prompts`: see, check and start prompt packs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Prompt packs: what a delegate tells its model. A pack is a folder with pack.toml and Markdown templates.",
    no_args_is_help=True,
)

_Pack = Annotated[str, typer.Argument(help="The name of a shipped pack, or a folder.")]


@app.command("list")
def list_packs() -> None:
    """List the packs that come with negotiation-box.

    Use one with: negbox run SCENARIO --prompts NAME, or --prompts ROLE=NAME for one side.
    """
    from rich.console import Console  # noqa: PLC0415  # heavy
    from rich.table import Table  # noqa: PLC0415

    from delegates import prompt  # noqa: PLC0415

    table = Table("name", "version", "what it does", "sha-256", box=None)
    for name in prompt.shipped():
        pack = prompt.PromptPack.load(name)
        table.add_row(pack.name, pack.version, pack.description, pack.digest[:12])
    Console(markup=False, highlight=False).print(table)


@app.command()
def show(
    pack: _Pack,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only this one: pack.toml, system.md, turn.md, repair.md or answer.md."
        ),
    ] = None,
) -> None:
    """Print the text of a pack, as it is in its files."""
    from bargaining.errors import InvalidInputError  # noqa: PLC0415  # heavy
    from delegates.prompt import FILES, PromptPack  # noqa: PLC0415

    if file is not None and file not in FILES:
        raise InvalidInputError(f"a pack has no such file; its files are {', '.join(FILES)}")
    sources = PromptPack.load(pack).sources
    if file is not None:
        if file not in sources:
            raise InvalidInputError(f"this pack has no {file}; the default pack is used where it is needed")
        sys.stdout.write(sources[file])
        return
    for name in sources:
        sys.stdout.write(f"──── {name}\n{sources[name].rstrip()}\n\n")


@app.command()
def check(pack: _Pack) -> None:
    """Check a pack: files, syntax, unknown variables and variables that are never used.

    Problems are named with file and line. Every template is filled with examples as well.
    """
    from delegates.prompt import PromptPack  # noqa: PLC0415  # heavy

    found = PromptPack.load(pack)
    sys.stdout.write(f"{found.name} {found.version} is complete and can be used. SHA-256: {found.digest}\n")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits and hyphens.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where to put its folder.")] = Path("."),
) -> None:
    """Start a pack of your own: a folder with a copy of the default one.

    Change the Markdown files, then check them with: negbox prompts check FOLDER
    """
    from delegates.prompt import create  # noqa: PLC0415  # heavy

    folder = create(name, directory)
    sys.stdout.write(
        f"Wrote {folder}. Change its Markdown files, then try:\n"
        f"  negbox prompts check {folder}\n  negbox run used-truck --prompts {folder}\n"
    )
