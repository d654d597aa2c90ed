"""Signed envelopes: DSSE 1.0 with Ed25519.

Covered: the signature is over the type and the bytes of the payload together, and both are returned only after a
known key has verified them. Signatures by unknown keys prove nothing and harm nothing.
Not covered: whether a key is the right one; how old a signature is (a nonce in the payload says so). Stricter than
DSSE: only standard base64, only canonical JSON, and a signature must name its key, so that an envelope has exactly
one form and any changed byte is refused.
"""

import base64
import binascii
from collections.abc import Collection
from typing import Annotated

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bargaining.errors import SealError
from institutions.keys import HostKey, HostPublicKey

IN_TOTO_TYPE = "application/vnd.in-toto+json"
"""The payload type of a statement."""
CLAIM_TYPE = "application/vnd.negbox.claim+json"
"""The payload type of a claim."""
LARGEST_BYTES = 1024 * 1024
_MOST_SIGNATURES = 16
_BROKEN = "this is not a signed envelope, or it was changed on the way: get it again from its source"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Signature(_Part):
    keyid: Annotated[str, Field(max_length=200)]
    sig: Annotated[str, Field(max_length=1000)]


class _Envelope(_Part):
    payload: str
    payloadType: Annotated[str, Field(max_length=200)]  # noqa: N815 - the name in the specification
    signatures: Annotated[tuple[_Signature, ...], Field(min_length=1, max_length=_MOST_SIGNATURES)]

    def to_bytes(self) -> bytes:
        return rfc8785.dumps(self.model_dump(mode="json")) + b"\n"


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, payload_type: str, key: HostKey) -> bytes:
    """A signed envelope around a payload, as canonical JSON."""
    signature = _Signature(keyid=key.public.id, sig=_encoded(key.sign(pae(payload_type, payload))))
    return _Envelope(payload=_encoded(payload), payloadType=payload_type, signatures=(signature,)).to_bytes()


def verify(envelope: bytes, payload_type: str, keys: Collection[HostPublicKey]) -> bytes:
    """The payload of an envelope that one of these keys has signed.

    Args:
        envelope: What `sign` made.
        payload_type: What it must hold: the signature over one kind of thing is none over another.
        keys: Who is believed.

    Raises:
        SealError: It is not an envelope, holds something else, or none of the keys has signed it.
    """
    found = _read(envelope)
    payload = None if found is None else _decoded(found.payload)
    if found is None or payload is None:
        raise SealError(_BROKEN)
    if found.payloadType != payload_type:
        raise SealError(f"the envelope does not hold what is expected here, which is {payload_type}")
    signed = pae(payload_type, payload)
    known = {key.id: key for key in keys}
    for signature in found.signatures:
        key, raw = known.get(signature.keyid), _decoded(signature.sig)
        if key is not None and raw is not None and key.verifies(raw, signed):
            return payload
    raise SealError(
        "no host that you trust has signed this, or it was changed on the way: check that the host's public key is "
        "the right one (--host-key) and get the file again"
    )


def _read(envelope: bytes) -> _Envelope | None:
    if len(envelope) > LARGEST_BYTES:
        return None
    try:
        found = _Envelope.model_validate_json(envelope)
        return found if found.to_bytes() == envelope else None
    except (ValidationError, rfc8785.CanonicalizationError, UnicodeError):
        return None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes | None:
    """What a text encodes, if it is written in the one way in which we write it."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _encoded(data) == text else None
