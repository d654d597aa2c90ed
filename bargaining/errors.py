"""The errors of negotiation-box, one tree.

    NegboxError                    everything raised on purpose
    ├── InvalidInputError          a file, option or value from the user is wrong         exit code 2
    │   ├── InvalidOutcomeError    terms that are unknown, missing or off the grid
    │   ├── InvalidPromptError     a prompt pack is missing, unreadable or inconsistent
    │   ├── InvalidModelError      a model spec that cannot be understood or used
    │   └── SealError              a sealed brief, a claim or a statement that does not verify
    ├── ModelError                 a model did not do its part                            exit code 3
    │   ├── ModelUnavailableError  cannot be reached, refuses the key, does not exist
    │   ├── ModelTransientError    busy, slow or failing right now; worth another try
    │   └── ModelReplyError        answered with something that cannot be used
    ├── LimitReachedError          a budget of tokens, money or time is used up           exit code 4
    ├── ExportError                a result could not be released                         exit code 5
    ├── SandboxError               the box could not be built, or broke                   exit code 5
    │   └── PurgeError             something could not be wiped, or a check of it failed
    └── UnforeseenError            a fault of ours, by its type only                      exit code 70

A message says what is wrong and what to do next. It never holds a value from a brief, a prompt, a
completion or a message at the table; a library's exception is chained only where its text cannot hold one.
"""


class NegboxError(Exception):
    """Everything that negotiation-box raises on purpose."""


class InvalidInputError(NegboxError):
    """A file, an option or a value that the user gave is wrong."""


class InvalidOutcomeError(InvalidInputError):
    """Terms that name an unknown issue, miss one, or hold a value off the grid."""


class InvalidPromptError(InvalidInputError):
    """A prompt pack is missing, unreadable, or uses a variable that does not exist."""


class InvalidModelError(InvalidInputError):
    """A model spec that cannot be understood, or whose key or weights are missing."""


class SealError(InvalidInputError):
    """A sealed brief, a claim or a statement that does not verify."""


class ModelError(NegboxError):
    """A model did not do its part."""


class ModelUnavailableError(ModelError):
    """The model cannot be reached, refuses the key, or does not exist: trying again will not help."""


class ModelTransientError(ModelError):
    """The model is busy, slow or failing right now: trying again may help."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """When the provider said to try again, if it did."""


class ModelReplyError(ModelError):
    """The model answered with something that cannot be used."""


class LimitReachedError(NegboxError):
    """A budget of tokens, money or time is used up."""


class UnforeseenError(NegboxError):
    """A fault of ours. Only the type of the original error is told: its text could hold anything."""


class ExportError(NegboxError):
    """A result could not be released."""


class SandboxError(NegboxError):
    """The box could not be built here, or it broke."""


class PurgeError(SandboxError):
    """Something that had to be wiped could not be, or a check of it failed or could not be made."""
