"""What is left of a canary after every way in which a run can end. See `__main__` for the command."""

from evals.aftermath.ending import ENDINGS, Ending
from evals.aftermath.instrument import INSTRUMENTS, Finding
from evals.aftermath.trial import Trial, hold

__all__ = ["ENDINGS", "INSTRUMENTS", "Ending", "Finding", "Trial", "hold"]
