"""Sealed briefs: encrypted to the fresh key of one box, for one run and one role (HPKE, RFC 9180).

Covered: ML-KEM-768 with X25519, so that what is recorded today stays closed to a quantum computer; X25519 alone
where the library lacks the first. Another run, another role, another key or a changed byte opens nothing. Length is
rounded up to 4 KiB. The private key is not written, shown or pickled.
Not covered: who the key belongs to (a signed claim says so); a brief sealed twice to one run, which the supervisor
refuses; the key in this process's memory, which the box wipes.
"""

import base64
import secrets
import struct
from contextlib import suppress
from typing import Annotated, Final, Literal, NoReturn, TypeAlias

import rfc8785
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bargaining.errors import SealError
from bargaining.issue import Name
from sandbox.canonical import CanonicalFile

Kem: TypeAlias = Literal["MLKEM768-X25519", "X25519"]
"""How a key is agreed on; strongest first."""

BRIEF_TYPE = "negbox/brief/v1"
"""What the encryption is bound to, beside run and role."""
SEALED_TYPE: Final = "negbox/sealed-brief/v1"
BLOCK_BYTES = 4096
LARGEST_BYTES = 1024 * 1024
"""The longest brief."""
_LENGTH = struct.Struct(">I")
_MLKEM_BYTES = 1184
_KEM = {"MLKEM768-X25519": hpke.KEM.MLKEM768_X25519, "X25519": hpke.KEM.X25519}

_Private: TypeAlias = hpke.MLKEM768X25519PrivateKey | x25519.X25519PrivateKey
_Public: TypeAlias = hpke.MLKEM768X25519PublicKey | x25519.X25519PublicKey


def _exact_base64(text: str) -> str:
    """One text for one value: what decodes to the same bytes but is written otherwise is refused."""
    if base64.b64encode(base64.b64decode(text, validate=True)).decode() != text:
        raise ValueError("expected base64")
    return text


Base64: TypeAlias = Annotated[str, Field(max_length=4 * LARGEST_BYTES), AfterValidator(_exact_base64)]
RunId: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""What one run is called, and no other."""


class PublicKey(BaseModel):
    """What a brief is sealed to."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kem: Kem
    raw: Base64


class SealedBrief(CanonicalFile):
    """A brief that only one box can open, for one run."""

    REFUSAL = (
        "this is not a sealed brief, or it was changed on the way: seal it again with 'negbox brief seal'"
    )

    type: Literal["negbox/sealed-brief/v1"] = SEALED_TYPE
    kem: Kem
    run: RunId
    role: Name
    sealed: Base64 = Field(repr=False)
    """The encapsulated key and the ciphertext."""


class BoxKey:
    """The private key of one box. It lives in the box's process only. Make one with `generate`."""

    __slots__ = ("_private", "public")

    def __init__(self, private: _Private, public: PublicKey) -> None:
        self._private = private
        self.public = public
        """What briefs are sealed to."""

    @classmethod
    def generate(cls, kem: Kem | None = None) -> "BoxKey":
        """A fresh key; of the strongest kind that the library has, if none is named.

        Raises:
            SealError: The library does not have the kind that is named.
        """
        if kem != "X25519":
            key = _hybrid()
            if key is not None:
                return key
            if kem is not None:
                raise SealError(
                    "this machine's cryptography library has no ML-KEM-768: use X25519, or update it"
                )
        private = x25519.X25519PrivateKey.generate()
        return cls(private, _public("X25519", private.public_key().public_bytes_raw()))

    def open(self, sealed: SealedBrief, run_id: str, role: str) -> bytes:
        """Decrypt a brief.

        Raises:
            SealError: It was sealed to another key, run or role, or it was changed. Which of them is not said.
        """
        plaintext = self._opened(sealed, run_id, role)
        if plaintext is None:
            raise SealError(
                f"run {run_id}: the sealed brief of the {role} does not open: it was sealed to another run, role or "
                "box, or changed on the way; check this run's claim and seal the brief to it again"
            )
        return plaintext

    def _opened(self, sealed: SealedBrief, run_id: str, role: str) -> bytes | None:
        """The brief, or None. Raises nothing itself: the frames of an error would hold the plaintext."""
        if (sealed.kem, sealed.run, sealed.role) != (self.public.kem, run_id, role):
            return None
        try:
            padded = _suite(sealed.kem).decrypt(
                base64.b64decode(sealed.sealed), self._private, info=_info(run_id, role)
            )
        except (InvalidTag, ValueError):
            return None
        return _unpadded(padded)

    def __repr__(self) -> str:
        return f"<BoxKey {self.public.kem}: redacted>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a BoxKey is private and cannot be pickled or copied")


def new_run_id() -> str:
    """A name that no other run has."""
    return secrets.token_hex(16)


def seal(plaintext: bytes, key: PublicKey, *, run_id: str, role: str) -> SealedBrief:
    """Encrypt a brief to a box, for one run and one role.

    Raises:
        SealError: The brief is too long, or the key, the run or the role cannot be one.
    """
    if len(plaintext) > LARGEST_BYTES:
        raise SealError("a brief has at most 1 MiB: shorten it")
    public = _loaded(key)
    ciphertext: bytes | None = None
    if public is not None:
        with suppress(ValueError):  # a key on which nothing can be agreed, such as zero
            ciphertext = _suite(key.kem).encrypt(_padded(plaintext), public, info=_info(run_id, role))
    if ciphertext is None:
        raise SealError(f"run {run_id}: the box's public key cannot be used: ask for a new claim")
    text = base64.b64encode(ciphertext).decode()
    try:
        return SealedBrief(kem=key.kem, run=run_id, role=role, sealed=text)
    except ValidationError:
        pass
    raise SealError("the name of the run or of the role is not one: take both from the claim")


def _info(run_id: str, role: str) -> bytes:
    return rfc8785.dumps({"type": BRIEF_TYPE, "run": run_id, "role": role})


def _suite(kem: Kem) -> hpke.Suite:
    return hpke.Suite(_KEM[kem], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _public(kem: Kem, raw: bytes) -> PublicKey:
    return PublicKey(kem=kem, raw=base64.b64encode(raw).decode())


def _hybrid() -> BoxKey | None:
    try:
        first = mlkem.MLKEM768PrivateKey.generate()
    except UnsupportedAlgorithm:
        return None
    second = x25519.X25519PrivateKey.generate()
    raw = first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()
    return BoxKey(hpke.MLKEM768X25519PrivateKey(first, second), _public("MLKEM768-X25519", raw))


def _loaded(key: PublicKey) -> _Public | None:
    raw = base64.b64decode(key.raw)
    try:
        if key.kem == "X25519":
            return x25519.X25519PublicKey.from_public_bytes(raw)
        return hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_BYTES]),
            x25519.X25519PublicKey.from_public_bytes(raw[_MLKEM_BYTES:]),
        )
    except (ValueError, UnsupportedAlgorithm):
        return None


def _padded(plaintext: bytes) -> bytes:
    used = _LENGTH.size + len(plaintext)
    return _LENGTH.pack(len(plaintext)) + plaintext + bytes(-used % BLOCK_BYTES)


def _unpadded(padded: bytes) -> bytes | None:
    if len(padded) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(padded)
    plaintext = padded[_LENGTH.size : _LENGTH.size + length]
    return plaintext if _padded(plaintext) == padded else None
