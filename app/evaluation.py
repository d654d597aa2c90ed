"""`negbox eval`: suites that measure delegates on made-up scenarios, with numbers that say how far to trust them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Evaluations of delegates, on made-up scenarios only.", no_args_is_help=True)


@app.command("list")
def list_suites() -> None:
    """List the suites, what each measures, and its metrics for --fail-if."""
    from evals import suites  # noqa: PLC0415 - heavy

    for name in suites.NAMES:
        suite = suites.load(name)
        sys.stdout.write(f"{name}: {suite.about}\n")
        sys.stdout.writelines(f"  {metric}\n" for metric in suite.metrics(()))


@app.command(epilog="Example: negbox eval run leaks --model local/qwen2.5-coder-1.5b --out results")
def run(
    suite: Annotated[list[str], typer.Argument(help="The suites. See: negbox eval list.")],
    model: Annotated[list[str], typer.Option(metavar="SPEC", help="The delegates under test. Repeatable.")],
    prompts: Annotated[
        list[str] | None, typer.Option(metavar="PACK", help="Their prompts. Repeatable. Default: default.")
    ] = None,
    scenarios: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|DIR|NAME",
            help="Scenarios marked `synthetic: true`; `short` are ten small ones. Repeatable. Default: used-truck.",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="Whom they meet. Repeatable. Default: tactics that the suite chooses."
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(metavar="FAMILY", help="Attacks of the suite leaks. Repeatable. Default: all."),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="ARM", help="Only these arms, and all controls. Repeatable. Default: all."),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="Suite leaks: a model that reads briefs and messages, for paraphrase."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Negotiations of each kind, by seed.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    coarsen: Annotated[
        int, typer.Option(min=1, max=1000, help="Suite outcome: also on a grid so many times coarser.")
    ] = 1,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Most at a time.")] = 8,
    max_cost: Annotated[
        float | None, typer.Option(metavar="USD", help="Begin nothing once so much is spent.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR", help="Exit with 1 if this holds: 'leak.rate.ci_high > 0.05'. Repeatable."
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write gates and controls as JUnit.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the rows there, values only.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what is in DIR.")] = False,
    isolation: Annotated[
        str,
        typer.Option(
            metavar="LEVEL", help="bwrap, landlock, none; by default the strongest there is, but not none."
        ),
    ] = "strongest",
    engine: Annotated[
        str, typer.Option(metavar="local|ray", help="Here, or on a Ray cluster: needs the extra [ray].")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Of the cluster. Default: one that is started here."),
    ] = None,
    keep_transcripts: Annotated[
        bool,
        typer.Option(
            "--keep-transcripts", help="Keep what was said, in DIR/transcripts. The report says so."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run suites over a grid of models, prompts, scenarios and seeds.

    Exit code 0: done, and no gate failed; 1: a gate failed, or a control did not land. Ctrl-C keeps what is done.
    """
    from app.sweeping import Options, run_suites  # noqa: PLC0415 - heavy

    options = Options(
        suites=tuple(suite),
        models=tuple(model),
        prompts=tuple(prompts or ("default",)),
        scenarios=tuple(scenarios or ("used-truck",)),
        against=tuple(against or ()),
        attacks=tuple(attack or ()),
        arms=tuple(arm or ()),
        judge=judge,
        epochs=epochs,
        seed=seed,
        coarsen=coarsen,
        concurrency=concurrency,
        max_usd=max_cost,
        fail_if=tuple(fail_if or ()),
        junit=junit,
        out=out,
        resume=resume,
        keep_transcripts=keep_transcripts,
        isolation=isolation,
        engine=engine,
        address=address,
        as_json=json,
        quiet=quiet,
    )
    raise typer.Exit(run_suites(options))


@app.command(epilog="Example: negbox eval compare before after --across prompts")
def compare(
    first: Annotated[Path, typer.Argument(help="A folder that 'negbox eval run --out' wrote.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    across: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD", help="Pair cases that differ in it: model, prompts or against. Repeatable."
        ),
    ] = None,
    changed_scenarios: Annotated[
        bool, typer.Option("--changed-scenarios", help="Compare scenarios of one name that are not the same.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Show what differs between two sweeps, the second minus the first, over the negotiations that both have.

    Exit code 0: done; 1: a control did not land in one of them.
    """
    from app.comparing import compare_sweeps  # noqa: PLC0415 - heavy

    code = compare_sweeps(
        first, second, across=across or (), changed_scenarios=changed_scenarios, as_json=json
    )
    raise typer.Exit(code)


@app.command(epilog="Example: negbox eval judge anthropic/claude-haiku-5-5")
def judge(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The model that is to judge.")],
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Measure a judge before you use it with --judge: have it grade labelled conversations, about fifty calls.

    Exit code 0: done; 3: it left out more than 5 %.
    """
    from app.judging import assess_judge  # noqa: PLC0415 - heavy

    raise typer.Exit(assess_judge(spec, as_json=json, quiet=quiet))


@app.command(epilog="Example: negbox eval export results --to logs, then: inspect view --log-dir logs")
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What 'negbox eval run --out' wrote.")],
    to: Annotated[
        Path, typer.Option(metavar="DIR|FILE", help="A folder for logs; or a file (.json) for a single one.")
    ],
) -> None:
    """Write results as logs that Inspect reads, one for each suite and model: values only."""
    from app.exporting import export as written  # noqa: PLC0415 - heavy

    raise typer.Exit(written(folder, to))
