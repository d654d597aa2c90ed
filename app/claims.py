"""`negbox brief`, `negbox claim` and `negbox verify`: what each of two parties does on its own machine.

Covered: nothing is sealed to a claim that no known host has signed or that belongs to another agenda; what cannot be
checked is said. Not covered: where a host's public key comes from; get it from the host by another way.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bargaining.agenda import Agenda
    from institutions.keys import HostPublicKey
    from sandbox.claim import Claim

brief = typer.Typer(help="Briefs: check one, and seal it to a box.", no_args_is_help=True)
claim = typer.Typer(
    help="Claims: what a box says about itself before a brief is sealed.", no_args_is_help=True
)

AGENDA = "agenda.yaml"
"""The file beside a claim that holds its agenda, unless another is named."""
_LARGEST_BYTES = 1024 * 1024

_Brief = Annotated[Path, typer.Argument(metavar="BRIEF", help="Your brief, a YAML file.")]
_Claim = Annotated[Path, typer.Argument(metavar="CLAIM", help="The claim.json of a box.")]
_AgendaFile = Annotated[
    Path | None,
    typer.Option("--agenda", metavar="FILE", help=f"The agenda. Default: {AGENDA} beside the claim."),
]
_Role = Annotated[
    str | None, typer.Option(metavar="ROLE", help="Whose brief it is. Default: the name of its file.")
]
_HostKey = Annotated[
    Path | None,
    typer.Option("--host-key", metavar="FILE", help="The host's public key. Default: this machine's own."),
]
_Expect = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=VALUE", help="What the claim must say, such as isolation=bwrap. Repeatable."),
]
_NONCE_HELP = "The text that you made up and gave to the host."


@brief.command("check")
def check_brief(
    file: _Brief,
    agenda: Annotated[Path, typer.Option(metavar="FILE", help="The agenda.")],
    role: _Role = None,
) -> None:
    """Check that a brief is complete and fits the agenda. No value from it is ever printed."""
    from delegates.scenario import load_agenda, load_brief  # noqa: PLC0415 - heavy

    role = role or file.stem
    load_brief(file, load_agenda(agenda), role)
    sys.stdout.write(f"The brief of the {role} is complete and fits the agenda.\n")


@brief.command("seal")
def seal_brief(
    file: _Brief,
    claim: Annotated[Path, typer.Option(metavar="FILE", help="The claim.json of the box.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the sealed brief.")],
    role: _Role = None,
    agenda: _AgendaFile = None,
    nonce: Annotated[str | None, typer.Option(metavar="TEXT", help=_NONCE_HELP)] = None,
    expect: _Expect = None,
    host_key: _HostKey = None,
) -> None:
    """Encrypt a brief so that only the claimed box can open it, for this run and role only.

    The claim's signature and agenda are checked first; with --nonce and --expect, so is the rest.
    """
    from app import results  # noqa: PLC0415 - heavy
    from bargaining.errors import SealError  # noqa: PLC0415
    from delegates.scenario import load_agenda, load_brief  # noqa: PLC0415
    from sandbox.export import agenda_digest  # noqa: PLC0415
    from sandbox.seal import seal  # noqa: PLC0415

    role = role or file.stem
    found = _verified(claim, host_key)
    found.verify(nonce=found.nonces[0] if nonce is None else nonce, expect=_expected(expect or ()))
    content = load_agenda(agenda or claim.with_name(AGENDA))
    if agenda_digest(content) != found.agenda:
        raise SealError(
            "the agenda is not the one that the claim is about: ask the host for it; nothing was sealed"
        )
    brief = load_brief(file, content, role)  # read once: what was checked is what is sealed
    sealed = seal(brief.to_yaml().encode(), found.key, run_id=found.run, role=role).to_bytes()
    results.put(out, sealed, "choose another name with --out")
    sys.stdout.write(f"Wrote {out}: the brief of the {role}, sealed to run {found.run}.\n")


@claim.command("verify")
def verify_claim(
    file: _Claim,
    nonce: Annotated[str, typer.Option(metavar="TEXT", help=_NONCE_HELP)],
    expect: _Expect = None,
    host_key: _HostKey = None,
) -> None:
    """Check who signed a claim, that it answers you, and that it says what you expect. Then print it."""
    from sandbox.identity import code_digest  # noqa: PLC0415 - heavy

    found = _verified(file, host_key)
    found.verify(nonce=nonce, expect=_expected(expect or ()))
    fields = {name: text for name, text in found.fields().items() if name != "key.raw"}
    width = max(map(len, fields))
    sys.stdout.writelines(f"{name:{width}}  {text}\n" for name, text in fields.items())
    same = (
        "the same code as is installed here" if found.code == code_digest() else "NOT the code installed here"
    )
    sys.stdout.write(f"Signed by a host that you trust, for your nonce; it claims {same}.\n")


@claim.command("key")
def show_key() -> None:
    """Print this machine's public key, for those who check what it signs. It is made at the first use."""
    from institutions.keys import HostKey  # noqa: PLC0415 - heavy

    sys.stdout.write(HostKey.load_or_create().public.pem().decode())


def verify(
    folder: Annotated[Path, typer.Argument(metavar="RESULT", help="The folder that a run left.")],
    agenda: Annotated[
        str | None, typer.Option(metavar="FILE|NAME", help="The agenda, or a scenario that holds it.")
    ] = None,
    nonce: Annotated[str | None, typer.Option(metavar="TEXT", help=_NONCE_HELP)] = None,
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="The run your brief was sealed to, as brief seal printed it."),
    ] = None,
    host_key: _HostKey = None,
) -> None:
    """Check the statement's signature, and that agreement, agenda and form belong to it."""
    from app import verification  # noqa: PLC0415 - heavy

    known = _host_keys(host_key)
    checked = verification.verify(folder, known, agenda=_agenda(agenda), nonce=nonce, run=run)
    sys.stdout.writelines(f"{line}\n" for line in checked.lines())
    raise typer.Exit(checked.exit_code)


def _verified(file: Path, host_key: Path | None) -> "Claim":
    """The claim in a file, once a known host's signature is found on it."""
    from institutions import signature  # noqa: PLC0415 - heavy
    from sandbox.claim import Claim  # noqa: PLC0415

    return Claim.from_bytes(signature.verify(_read(file), signature.CLAIM_TYPE, _host_keys(host_key)))


def _host_keys(file: Path | None) -> "Sequence[HostPublicKey]":
    from bargaining.errors import InvalidInputError  # noqa: PLC0415 - heavy
    from institutions.keys import HostKey, HostPublicKey, default_file  # noqa: PLC0415

    if file is not None:
        return (HostPublicKey.from_pem(_read(file)),)
    if not default_file().exists():
        raise InvalidInputError(
            "there is no key to check the signature with: get the host's public key ('negbox claim key' prints it "
            "there) and give it with --host-key FILE"
        )
    return (HostKey.load(default_file()).public,)


def _expected(options: Sequence[str]) -> Mapping[str, str]:
    from bargaining.errors import InvalidInputError  # noqa: PLC0415 - heavy

    pairs = [text.partition("=") for text in options]
    if not all(name and equals for name, equals, _ in pairs):
        raise InvalidInputError(
            "--expect: write FIELD=VALUE, such as isolation=bwrap or models.seller=local/NAME"
        )
    return {name: value for name, _, value in pairs}


def _agenda(name: str | None) -> "Agenda | None":
    """An agenda from a file of its own, or from a scenario."""
    from delegates.document import read  # noqa: PLC0415 - heavy
    from delegates.scenario import load, load_agenda, shipped  # noqa: PLC0415

    if name is None:
        return None
    if name in shipped() or read(Path(name)).has(("agenda",)):
        return load(name).agenda
    return load_agenda(name)


def _read(file: Path) -> bytes:
    from app import results  # noqa: PLC0415 - heavy

    return results.contents(file, _LARGEST_BYTES, "give the file itself, as you got it")
