"""What a sweep came to, as a page that a person reads in a minute, and as the same in JSON."""

from evals.report.content import Report, of
from evals.report.page import DATA, PAGE, render, write
from evals.report.scenarios import STAGES, stages

__all__ = ["DATA", "PAGE", "STAGES", "Report", "of", "render", "stages", "write"]
