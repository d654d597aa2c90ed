"""Files of which there is one form only: any other bytes that mean the same are refused."""

from contextlib import suppress
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bargaining.errors import SealError
from sandbox.export import canonical


class CanonicalFile(BaseModel):
    """A value that is written as canonical JSON and read only from that."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    REFUSAL: ClassVar[str]
    """What is said of other bytes."""

    def to_bytes(self) -> bytes:
        """The file: canonical JSON."""
        return canonical(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a file.

        Raises:
            SealError: It is not exactly what `to_bytes` writes.
        """
        found: Self | None = None
        with suppress(ValidationError):
            found = cls.model_validate_json(data)
        if found is None or found.to_bytes() != data:
            raise SealError(cls.REFUSAL)
        return found
