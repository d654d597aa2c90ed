"""`negbox box`: a box for two parties. One holds it open; both seal a brief to it; then it runs."""

from pathlib import Path
from typing import Annotated

import typer

from app import flags

app = typer.Typer(
    help="A box for two parties: open one, and run it on two sealed briefs.", no_args_is_help=True
)

_At = Annotated[Path, typer.Option("--at", metavar="DIR", help="Where the claim and the agenda are put.")]


@app.command(
    "open",
    epilog="Example: negbox box open agenda.yaml --at box --model local/qwen2.5-coder-1.5b --nonce TEXT",
)
def open_box(
    agenda: Annotated[
        str, typer.Argument(help="The agenda, a YAML file, or the name of a shipped scenario.")
    ],
    at: _At,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What must be true. Default: what negbox run demands.")
    ] = None,
    nonce: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="What a party made up, so that no older claim answers it. Repeatable.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="[ROLE=]SPEC", help="Who acts: as for negbox run.")
    ] = None,
    prompts: Annotated[
        list[str] | None, typer.Option(metavar="[ROLE=]PACK", help="Prompts: as for negbox run.")
    ] = None,
    mediator: flags.Mediator = None,
    seed: flags.Seed = 0,
    advisor: flags.Advisor = True,
    max_tokens: flags.MaxTokens = None,
    max_cost: flags.MaxCost = None,
    max_seconds: flags.MaxSeconds = None,
    isolation: Annotated[
        str, typer.Option(metavar="LEVEL", help="bwrap, landlock, or the strongest that this machine has.")
    ] = "strongest",
    pool: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Keep so many boxes ready, and go on after each run with a new claim."
        ),
    ] = None,
) -> None:
    """Open a box and hold it until its run is over. Ctrl-C closes it, and leaves nothing behind.

    It writes DIR/claim.json (key, code, policy, agenda, models; signed) and DIR/agenda.yaml. Each party then runs
    negbox brief check, negbox claim verify and negbox brief seal; then somebody, as this user, negbox box run.
    """
    from app import hosting  # noqa: PLC0415 - heavy
    from app.choices import Options  # noqa: PLC0415

    options = Options(
        models=tuple(model or ()),
        prompts=tuple(prompts or ()),
        mediator=mediator,
        seed=seed,
        advised=advisor,
        max_tokens=max_tokens,
        max_cost=max_cost,
        max_seconds=max_seconds,
        isolation=isolation,
        policy=None if policy is None else str(policy),
    )
    hosting.host(agenda, at, options, tuple(nonce or ()), pool).serve()


@app.command("run", epilog="Example: negbox box run --at box seller.sealed buyer.sealed --out result")
def run_box(
    sealed: Annotated[
        list[Path], typer.Argument(metavar="A.sealed B.sealed", help="Both sealed briefs, in any order.")
    ],
    at: _At,
    out: Annotated[str, typer.Option(metavar="DIR", help="Write agreement.json and statement.json there.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Hand two sealed briefs to the open box, and write what it releases.

    Whether there is an agreement is not printed: whoever may know reads it in agreement.json. Ctrl-C ends the run.
    """
    from app import delivery  # noqa: PLC0415 - heavy

    raise typer.Exit(delivery.deliver(sealed, at, out, quiet=quiet))
