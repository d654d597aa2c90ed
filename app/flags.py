"""Options that `negbox run` and `negbox box open` share."""

from typing import Annotated, TypeAlias

import typer

Mediator: TypeAlias = Annotated[
    str | None, typer.Option(metavar="SPEC", help="A model to mediate single_text in place of a rule.")
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="For models that take one, and for searches.")]
Advisor: TypeAlias = Annotated[
    bool, typer.Option("--advisor/--no-advisor", help="Propose offers to the model, or leave it alone.")
]
MaxTokens: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Most tokens for both sides together.")]
MaxCost: TypeAlias = Annotated[str | None, typer.Option(metavar="USD", help="Most money for both sides.")]
MaxSeconds: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Longest time in seconds.")]
