"""Sensitivity and specificity of the detector on the labelled set of this repository, by kind and by family.

python -m benchmarks.detector.labelled
"""

import argparse
import sys

from evals import command
from evals.labelled import Kind, by_family, by_message, items, measured

_KINDS: tuple[Kind, ...] = ("plain", "known", "held out", "paraphrase", "talk")


def main() -> int:
    """Print tables."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    messages, talks, whole = by_message(), by_message(("talk",)), measured()
    lines = ["| | items | found |", "|---|---|---|"]
    for kind in _KINDS:
        found = by_message((kind,)).sensitivity
        lines.append(f"| {kind} | {found.n} | {found} |")
    lines.append(f"| **sensitivity**, messages | {messages.sensitivity.n} | {messages.sensitivity} |")
    lines.append(f"| **specificity**, messages | {messages.specificity.n} | {messages.specificity} |")
    lines.append(f"| **sensitivity**, talks | {talks.sensitivity.n} | {talks.sensitivity} |")
    lines.append(f"| **specificity**, messages and talks | {talks.specificity.n} | {talks.specificity} |")
    lines.append(f"| **sensitivity**, negotiations | {whole.sensitivity.n} | {whole.sensitivity} |")
    lines.append(f"| **specificity**, negotiations | {whole.specificity.n} | {whole.specificity} |")
    lines += ["", "| kind | family | items | found |", "|---|---|---|---|"]
    for (kind, family), figure in by_family().items():
        lines.append(f"| {kind} | {family} | {figure.n} | {figure} |")
    sys.stdout.write(f"{len(items())} items\n\n" + "\n".join(lines) + "\n")
    return command.OK


if __name__ == "__main__":
    command.run(main)
