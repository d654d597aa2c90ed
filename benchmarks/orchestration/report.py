"""Tables out of measurements, as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.orchestration.bench import LATENCY_MS, Row
from benchmarks.orchestration.catalogue import RAW, Entry
from benchmarks.orchestration.job import MOVES


def tables(entries: Sequence[Entry], rows: Sequence[Row]) -> str:
    """Everything that was measured: medians, and in brackets the lowest and the highest."""
    found = _Found(rows)
    waves = sorted({row.at_once for row in rows if row.kind == "wave"})
    raw_rates = " · ".join(f"{at_once} at once {_ideal(at_once):.0f}" for at_once in waves)
    parts = [
        "## One negotiation after the other, no latency\n",
        _table(
            ["", "CPU ms a move", f"to {RAW}", "cold start s", "sent kB", "prompt prefix kept"],
            [[entry.title, *_alone(entry, found)] for entry in entries],
        ),
    ]
    if waves:
        top = waves[-1]
        columns = ["", *(f"{at_once} at once" for at_once in waves)]
        columns += [f"CPU ms a move at {top}", f"peak MB at {top}", "KB more for each"]
        parts += [
            f"\n## Negotiations a second, {LATENCY_MS} ms latency, one process\n",
            f"Ideal: {raw_rates}. `-`: left out, because it would have taken too long.\n",
            _table(columns, [[entry.title, *_together(entry, found, waves)] for entry in entries]),
        ]
    failed = [f"- {row.peer}, {row.kind} {row.at_once}: {row.problem}" for row in rows if row.problem]
    if failed:
        parts += ["\n## Not measured\n", "\n".join(failed)]
    return "\n".join(parts) + "\n"


def cpu_ms(row: Row) -> float:
    """CPU of one move."""
    return float(row.found["cpu_seconds"] / row.found["negotiations"] / MOVES * 1000)


class _Found:
    """Measurements by peer and kind, in the order of the repetitions."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: dict[tuple[str, str, int], list[Row]] = {}
        for row in rows:
            if not row.problem:
                self._rows.setdefault((row.peer, row.kind, row.at_once), []).append(row)
        self.absent: Mapping[str, str] = {
            row.peer: row.problem for row in rows if row.kind == "audit" and row.problem
        }

    def of(self, entry: Entry, kind: str, at_once: int = 1) -> list[Row]:
        return self._rows.get((entry.name, kind, at_once), [])

    def raw(self) -> list[Row]:
        return self._rows.get((RAW, "sequential", 1), [])


def _alone(entry: Entry, found: _Found) -> list[str]:
    if problem := found.absent.get(entry.name):
        return [problem.partition(":")[0], *["-"] * 4]
    alone = found.of(entry, "sequential")
    ratios = [cpu_ms(row) / cpu_ms(raw) for row, raw in zip(alone, found.raw(), strict=False)]
    counters = found.of(entry, "audit")[0].found["counters"]
    kept = counters["kept_characters"] / max(counters["previous_characters"], 1)
    return [
        _spread([cpu_ms(row) for row in alone], "{:.2f}".format),
        _spread(ratios, "{:.2f}".format),
        _spread([row.found["process_seconds"] for row in found.of(entry, "cold")], "{:.2f}".format),
        f"{counters['http_bytes'] / 1000:.0f}",
        f"{100 * kept:.0f} % ({counters['extending']} of {counters['follow_ups']} extend)",
    ]


def _together(entry: Entry, found: _Found, waves: Sequence[int]) -> list[str]:
    cells = []
    for at_once in waves:
        rates = [row.rate for row in found.of(entry, "wave", at_once)]
        share = f", {100 * median(rates) / _ideal(at_once):.0f} %" if rates else ""
        cells.append(_spread(rates, "{:.1f}".format) + share)
    top = found.of(entry, "wave", waves[-1])
    peaks = [row.found["memory_peak_kb"] for row in top]
    more = [(row.found["memory_peak_kb"] - row.found["memory_before_kb"]) / row.at_once for row in top]
    return [
        *cells,
        _spread([cpu_ms(row) for row in top], "{:.2f}".format),
        _spread([peak / 1000 for peak in peaks], "{:.0f}".format),
        _spread(more, "{:.0f}".format),
    ]


def _ideal(at_once: int) -> float:
    return at_once / (MOVES * LATENCY_MS / 1000)


def _spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    if not values:
        return "-"
    if len(values) == 1:
        return text(values[0])
    return f"{text(median(values))} ({text(min(values))} to {text(max(values))})"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
