"""The `negbox` command: what it can do, and how its errors reach the user.

Nothing heavy is imported here, so that `--help` answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app import exits, flags

app = typer.Typer(
    name="negbox",
    help="Let two AI delegates negotiate from private briefs; only the agreement comes out.",
    epilog=(
        "Start with: negbox models pull, then negbox run used-truck --out result, then "
        "negbox analyse used-truck result. "
        "Exit codes: 0 done (agreement or no deal), 1 a gate or control of eval failed, "
        "2 bad input, 3 model, 4 limits, 5 sandbox or purge, "
        "70 unforeseen error, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_Scenario = Annotated[
    str, typer.Argument(help="A scenario file, or a name that 'negbox scenario list' shows.")
]


# literals below, so that --help imports no catalogue: tests compare them with what there is
@app.command(epilog="Example: negbox run used-truck --model tactic/steady --out result")
def run(
    scenario: _Scenario,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC|ROLE=SPEC",
            help="Who thinks for both sides, or for one: local/ALIAS-or-PATH.gguf, openai/NAME, anthropic/NAME, "
            "openai/NAME@http://localhost:11434/v1 (Ollama, ...), scripted/FILE, or tactic/NAME: boulware, "
            "conceder, linear, micro, steady (the only one in single_text), tit-for-tat. Repeatable. "
            "Default: the scenario's, or local/qwen2.5-coder-1.5b.",
        ),
    ] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PACK|ROLE=PACK",
            help="Prompt pack for both sides, or for one: default, guarded, hardball, interrogator, principled "
            "or a folder. Repeatable.",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write agreement.json and statement.json there.")
    ] = None,
    keep_offers: Annotated[
        bool,
        typer.Option(
            "--keep-offers", help="Also write offers.json there; made-up scenarios only, without a box."
        ),
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="alternating_offers, or single_text: a mediator proposes, both sides say yes or no in private. "
            "Default: the scenario's. Without --rounds, a change to single_text raises them to 500, or to 50 if "
            "a model takes part.",
        ),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How many turns each side has, or how many texts.")
    ] = None,
    mediator: flags.Mediator = None,
    seed: flags.Seed = 0,
    advisor: flags.Advisor = True,
    max_tokens: flags.MaxTokens = None,
    max_cost: flags.MaxCost = None,
    max_seconds: flags.MaxSeconds = None,
    isolation: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="bwrap, landlock, none (this process), or the strongest.",
        ),
    ] = "strongest",
    policy: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What the box must be: see README."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Negotiate a scenario in a box, to an agreement or no deal.

    Progress shows counts, never content. Ctrl-C ends the run with a no deal.
    """
    from app.choices import Options  # noqa: PLC0415 - heavy
    from app.run import run_scenario  # noqa: PLC0415

    options = Options(
        models=tuple(model or ()),
        prompts=tuple(prompts or ()),
        out=out,
        keep_offers=keep_offers,
        protocol=protocol,
        rounds=rounds,
        mediator=mediator,
        seed=seed,
        advised=advisor,
        max_tokens=max_tokens,
        max_cost=max_cost,
        max_seconds=max_seconds,
        isolation=isolation,
        policy=policy,
        as_json=json,
        quiet=quiet,
    )
    raise typer.Exit(run_scenario(scenario, options))


@app.command(epilog="Example: negbox analyse used-truck result --png picture.png")
def analyse(
    scenario: _Scenario,
    agreement: Annotated[
        str | None,
        typer.Argument(help="An agreement.json, or the folder that negbox run --out wrote."),
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="FILE.png", help="Write the picture there, as pixels.")
    ] = None,
    svg: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Write it there, to be scaled or edited.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Show the picture in the terminal.")
    ] = True,
) -> None:
    """Show what could be agreed, what is fair, and how good an agreement is.

    For who owns both briefs: what it shows follows from both. Whoever has only one must not see it.
    """
    from app.analyse import Options, analyse_scenario  # noqa: PLC0415 - heavy

    options = Options(agreement=agreement, png=png, svg=svg, as_json=json, sketched=picture)
    raise typer.Exit(analyse_scenario(scenario, options))


@app.command(epilog="Example: negbox view results --open")
def view(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What 'negbox eval run --out' writes to.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On 127.0.0.1. 0: any that is free.", show_default=False)
    ] = 0,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = False,
) -> None:
    """Show the report of an evaluation in a browser, and how far it is while it runs.

    On this machine only. Ctrl-C ends it.
    """
    from app.viewing import view  # noqa: PLC0415 - heavy

    view(folder, port=port, opened=browser)


@app.command()
def graph(
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="alternating_offers or single_text.")
    ] = "alternating_offers",
) -> None:
    """Print the state machine of a negotiation as a Mermaid diagram."""
    from bargaining.errors import InvalidInputError  # noqa: PLC0415 - heavy
    from graphs import alternating, single_text  # noqa: PLC0415 - heavy

    machines = {"alternating_offers": alternating, "single_text": single_text}
    if protocol not in machines:
        raise InvalidInputError(f"--protocol: there are {' and '.join(machines)}")
    sys.stdout.write(machines[protocol].mermaid())


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415 - seldom needed

        sys.stdout.write(installed("negotiation-box") + "\n")
        raise typer.Exit


def _add_groups() -> None:
    from app import box, claims, doctor, evaluation, models, prompts, scenario  # noqa: PLC0415 - after `app` exists

    app.command()(doctor.doctor)
    app.command()(claims.verify)
    app.add_typer(box.app, name="box")
    app.add_typer(claims.brief, name="brief")
    app.add_typer(claims.claim, name="claim")
    app.add_typer(evaluation.app, name="eval")
    app.add_typer(models.app, name="models")
    app.add_typer(prompts.app, name="prompts")
    app.add_typer(scenario.app, name="scenario")


_add_groups()


def main() -> None:
    """Run the command and turn errors into messages and exit codes."""
    exits.leave(exits.guarded(app))
