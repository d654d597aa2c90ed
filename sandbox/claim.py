"""The claim: what a box says about itself before anybody seals a brief to it.

Covered: its key, and what code, policy, agenda, prompts and models the run will have; every field can be compared
with what a principal expects, and its own nonce shows that the claim is no older than the question.
Not covered: whether it is true. The host signs it (see `institutions.signature`); without hardware that attests, a
claim is its operator's word.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from bargaining.errors import SealError
from bargaining.issue import Name
from sandbox.canonical import CanonicalFile
from sandbox.identity import Assurance, Digest, agreement_schema_digest, code_digest
from sandbox.isolation.interface import Level
from sandbox.seal import PublicKey, RunId

__all__ = ["CLAIM_TYPE", "Claim", "Nonce", "agreement_schema_digest", "code_digest"]

CLAIM_TYPE: Final = "negbox/claim/v1"


def _printable(text: str) -> str:
    """Claims are shown in terminals: nothing in one may steer or reorder what is seen there."""
    if not text.isprintable():
        raise ValueError("expected text that can be shown as it is")
    return text


Nonce: TypeAlias = Annotated[str, Field(min_length=8, max_length=200), AfterValidator(_printable)]
"""A text that the asker has just made up."""
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable)]
_MOST_PRINTED = 120


class Claim(CanonicalFile):
    """What one box will run, and the key that briefs for it are sealed to. Its bytes are what is signed."""

    REFUSAL = "this is not the claim of a box that this version knows: ask the host for a new one"

    type: Literal["negbox/claim/v1"] = CLAIM_TYPE
    run: RunId
    key: PublicKey
    code: Digest
    policy: Digest
    agenda: Digest
    agreement_schema: Digest
    """Of the JSON schema of all that can come out."""
    models: dict[Name, _Text]
    """Public specs by role; also `mediator`, if a model mediates."""
    prompts: dict[Name, Digest]
    """Prompt packs by role; none for a role whose delegate is a tactic."""
    weights: dict[Name, Digest] = Field(default={})
    """Of models that run here, by role."""
    isolation: Level
    assurance: Assurance
    nonces: tuple[Nonce, ...] = Field(min_length=1, max_length=8)
    """What each party made up."""

    def verify(self, *, nonce: str, expect: Mapping[str, str] | None = None) -> None:
        """Check that the claim answers this question and says what is expected. Check its signature first.

        Args:
            nonce: What the asker made up for this claim.
            expect: Fields and their values; `models.seller` is the entry of one role.

        Raises:
            SealError: Naming every field that differs, with what is claimed and what was expected.
        """
        fields = self.fields()
        wanted = {**(expect or {}), "nonce": nonce}
        fields["nonce"] = nonce if nonce in self.nonces else ", ".join(self.nonces)
        wrong = [_difference(name, fields.get(name), value) for name, value in sorted(wanted.items())]
        lines = [line for line in wrong if line]
        if lines:
            known = "" if wanted.keys() <= fields.keys() else f"\na claim has: {', '.join(fields)}"
            raise SealError(
                f"run {self.run}: the claim is not what you expect; seal nothing to it:\n"
                + "\n".join(lines)
                + known
            )

    def fields(self) -> dict[str, str]:
        """Every field as text; one for each role where there are several, as in `models.seller`."""
        return dict(_flat("", self.model_dump(mode="json")))


def _flat(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, list):
        value = {str(number): inner for number, inner in enumerate(value, 1)}
    if not isinstance(value, dict):
        return [(path, str(value))]
    return [pair for name, inner in value.items() for pair in _flat(f"{path}.{name}".lstrip("."), inner)]


def _difference(name: str, found: str | None, wanted: str) -> str:
    if found == wanted:
        return ""
    if found is None:
        return f"  {name[:_MOST_PRINTED]}: the claim says nothing about it"
    return f"  {name}: the claim says {found[:_MOST_PRINTED]}, not {wanted[:_MOST_PRINTED]}"
