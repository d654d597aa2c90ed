"""Envelopes: the encoding of the specification, and that only a known key's signature over these bytes counts."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import SealError
from institutions.keys import HostKey
from institutions.signature import CLAIM_TYPE, IN_TOTO_TYPE, LARGEST_BYTES, pae, sign, verify

KEY, OTHER = HostKey.generate(), HostKey.generate()
PAYLOAD = b'{"canary":"heron_77310"}\n'
ENVELOPE = sign(PAYLOAD, CLAIM_TYPE, KEY)


def changed(**changes: object) -> bytes:
    """The envelope with other fields, written as envelopes are."""
    return rfc8785.dumps({**json.loads(ENVELOPE), **changes}) + b"\n"  # type: ignore[dict-item]  # any JSON


def test_the_encoding_is_that_of_the_specification() -> None:
    """The example in protocol.md of DSSE 1.0: its signature is over our bytes."""
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    numbers = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    )
    raw = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    numbers.public_key().verify(signature, encoded, ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        numbers.public_key().verify(signature, encoded + b"!", ec.ECDSA(SHA256()))


@pytest.mark.parametrize(
    ("kind", "payload", "encoded"),
    [
        ("", b"", b"DSSEv1 0  0 "),
        ("é", b"\x00\xff", b"DSSEv1 2 \xc3\xa9 2 \x00\xff"),
        ("a 1 b", b"c", b"DSSEv1 5 a 1 b 1 c"),
    ],
)
def test_lengths_are_in_bytes(kind: str, payload: bytes, encoded: bytes) -> None:
    assert pae(kind, payload) == encoded


def test_type_and_payload_cannot_be_shifted_into_each_other() -> None:
    assert pae("a", b"b 1 c") != pae("a 5 b", b"c")


def test_an_envelope_has_the_recommended_fields() -> None:
    found = json.loads(ENVELOPE)
    assert set(found) == {"payload", "payloadType", "signatures"}
    assert base64.b64decode(found["payload"]) == PAYLOAD
    assert found["signatures"][0]["keyid"] == KEY.public.id


def test_what_a_known_key_signed_comes_out() -> None:
    assert verify(ENVELOPE, CLAIM_TYPE, [OTHER.public, KEY.public]) == PAYLOAD


@pytest.mark.parametrize("keys", [[], [OTHER.public]])
def test_an_unknown_key_proves_nothing(keys: list[Any]) -> None:
    with pytest.raises(SealError, match="no host that you trust") as caught:
        verify(ENVELOPE, CLAIM_TYPE, keys)
    assert "heron" not in str(caught.value)


def test_a_signature_over_one_kind_of_thing_is_none_over_another() -> None:
    with pytest.raises(SealError, match="does not hold what is expected"):
        verify(ENVELOPE, IN_TOTO_TYPE, [KEY.public])
    with pytest.raises(SealError, match="no host"):
        verify(changed(payloadType=IN_TOTO_TYPE), IN_TOTO_TYPE, [KEY.public])


def test_extra_signatures_of_unknown_keys_prove_nothing_and_harm_nothing() -> None:
    (own,), (foreign,) = (json.loads(e)["signatures"] for e in (ENVELOPE, sign(PAYLOAD, CLAIM_TYPE, OTHER)))
    assert verify(changed(signatures=[foreign, own]), CLAIM_TYPE, [KEY.public]) == PAYLOAD
    mixed = [{**own, "sig": foreign["sig"]}], [{**foreign, "sig": own["sig"]}]
    for signatures in ([foreign], [foreign, foreign], *mixed):
        with pytest.raises(SealError, match="no host"):
            verify(changed(signatures=signatures), CLAIM_TYPE, [KEY.public])


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, mask: int) -> None:
    data = bytearray(ENVELOPE)
    data[place] ^= mask
    with pytest.raises(SealError):
        verify(bytes(data), CLAIM_TYPE, [KEY.public])


def test_every_single_byte_counts() -> None:
    for place in range(len(ENVELOPE)):
        for mask in (0x01, 0x20, 0x80):
            data = bytearray(ENVELOPE)
            data[place] ^= mask
            with pytest.raises(SealError):
                verify(bytes(data), CLAIM_TYPE, [KEY.public])


def test_a_signature_and_a_payload_are_written_in_one_way_only() -> None:
    """Base64 leaves bits over at its end, which most readers ignore."""
    found = json.loads(ENVELOPE)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for text in (found["signatures"][0]["sig"], found["payload"]):
        assert text.endswith("==")
        for letter in set(letters) - {text[-3]}:
            with pytest.raises(SealError):
                verify(
                    ENVELOPE.replace(text.encode(), f"{text[:-3]}{letter}==".encode()),
                    CLAIM_TYPE,
                    [KEY.public],
                )


@pytest.mark.parametrize(
    "change",
    [
        lambda: b"",
        lambda: b"null",
        lambda: b"[" * 100_000,
        lambda: b"\xff\xfe",
        lambda: ENVELOPE[:-1],
        lambda: ENVELOPE + b" ",
        lambda: ENVELOPE.replace(b'"payload"', b'"payload":"AAAA","payload"'),
        lambda: changed(extra=1),
        lambda: changed(signatures=[]),
        lambda: changed(signatures=[{"sig": "AAAA"}]),
        lambda: changed(signatures=[{"keyid": KEY.public.id, "sig": "AAAA"}] * 17),
        lambda: changed(signatures=[{"keyid": KEY.public.id, "sig": "not base64"}]),
        lambda: changed(payload="not base64"),
        lambda: changed(payload=json.loads(ENVELOPE)["payload"].rstrip("=")),
        lambda: b'{"payload":"\\ud800","payloadType":"x","signatures":[]}\n',
        lambda: b" " * (LARGEST_BYTES + 1),
    ],
)
def test_what_is_not_exactly_an_envelope_is_refused(change: Callable[[], bytes]) -> None:
    with pytest.raises(SealError):
        verify(change(), CLAIM_TYPE, [KEY.public])


@given(st.binary(max_size=2000))
def test_no_bytes_are_mistaken_for_an_envelope(data: bytes) -> None:
    with pytest.raises(SealError):
        verify(data, CLAIM_TYPE, [KEY.public])
