"""Sealed briefs: what opens one, and that nothing else does."""

import base64
import copy
import pickle
from collections.abc import Callable
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given
from hypothesis import strategies as st

from bargaining.errors import SealError
from sandbox import seal as module
from sandbox.seal import BLOCK_BYTES, LARGEST_BYTES, BoxKey, Kem, PublicKey, SealedBrief, new_run_id, seal

CANARY = b"canary_7731_heron"
RUN, ROLE = "run-of-the-tests", "seller"
KEYS = {kem: BoxKey.generate(kem) for kem in get_args(Kem)}
KEY = BoxKey.generate()
SEALED = seal(CANARY, KEY.public, run_id=RUN, role=ROLE)
FILE = SEALED.to_bytes()


def opened(data: bytes, key: BoxKey = KEY, run: str = RUN, role: str = ROLE) -> bytes:
    return key.open(SealedBrief.from_bytes(data), run, role)


@pytest.mark.parametrize("kem", get_args(Kem))
def test_the_box_opens_what_was_sealed_to_it(kem: Kem) -> None:
    sealed = seal(CANARY, KEYS[kem].public, run_id=RUN, role=ROLE)
    assert sealed.kem == kem
    assert opened(sealed.to_bytes(), KEYS[kem]) == CANARY


def test_the_strongest_kind_of_key_is_the_default() -> None:
    assert KEY.public.kem == "MLKEM768-X25519"


def test_a_library_without_ml_kem_gets_x25519(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_hybrid", lambda: None)
    assert BoxKey.generate().public.kem == "X25519"
    with pytest.raises(SealError, match="ML-KEM"):
        BoxKey.generate("MLKEM768-X25519")


@given(st.binary(max_size=3 * BLOCK_BYTES))
def test_any_bytes_come_back_as_they_were(plaintext: bytes) -> None:
    key = KEYS["X25519"]
    assert key.open(seal(plaintext, key.public, run_id=RUN, role=ROLE), RUN, ROLE) == plaintext


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [(0, BLOCK_BYTES - 4, True), (17, 3000, True), (BLOCK_BYTES - 4, BLOCK_BYTES - 3, False)],
)
def test_length_is_told_in_blocks_only(first: int, second: int, alike: bool) -> None:
    sizes = {len(seal(bytes(n), KEY.public, run_id=RUN, role=ROLE).to_bytes()) for n in (first, second)}
    assert (len(sizes) == 1) is alike


def test_another_run_role_or_box_opens_nothing_and_the_message_is_the_same() -> None:
    other = BoxKey.generate()
    messages = set()
    for key, run, role in ((KEY, "another-run", ROLE), (KEY, RUN, "buyer"), (other, RUN, ROLE)):
        with pytest.raises(SealError) as caught:
            opened(FILE, key, run, role)
        messages.add(str(caught.value).replace(run, "R").replace(role, "X"))
    assert len(messages) == 1


def test_who_renames_run_or_role_in_the_file_opens_nothing() -> None:
    for change in ({"run": "another-run"}, {"role": "buyer"}):
        renamed = SEALED.model_copy(update=change)
        with pytest.raises(SealError, match=renamed.run):
            KEY.open(renamed, renamed.run, renamed.role)


def test_a_key_of_another_kind_opens_nothing() -> None:
    with pytest.raises(SealError):
        KEYS["X25519"].open(SEALED, RUN, ROLE)
    with pytest.raises(SealError):
        KEY.open(SEALED.model_copy(update={"kem": "X25519"}), RUN, ROLE)


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, mask: int) -> None:
    changed = bytearray(FILE)
    changed[place] ^= mask
    with pytest.raises(SealError):
        opened(bytes(changed))


def test_every_byte_around_the_ciphertext_counts() -> None:
    start = FILE.index(SEALED.sealed.encode())
    for place in (*range(start), *range(start + len(SEALED.sealed), len(FILE))):
        changed = bytearray(FILE)
        changed[place] ^= 1
        with pytest.raises(SealError):
            opened(bytes(changed))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b" " + data,
        lambda data: data + b"\n",
        lambda data: data[:-1],
        lambda data: data.replace(b'"kem"', b'"kem":"X25519","kem"'),
        lambda data: data.replace(b'"kem"', b'"a":1,"kem"'),
        lambda data: b"",
        lambda data: b"[" * 10_000,
        lambda data: b"\xff\xfe",
    ],
    ids=["space", "newline", "cut", "twice", "extra", "empty", "deep", "binary"],
)
def test_a_file_has_one_form(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SealError):
        opened(change(FILE))


def test_a_ciphertext_that_is_too_short_is_refused() -> None:
    for size in (0, 1, 31, 32, 1120, 1136):
        short = SEALED.model_copy(update={"sealed": base64.b64encode(bytes(size)).decode()})
        with pytest.raises(SealError):
            KEY.open(short, RUN, ROLE)


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        b"\0\0",
        b"\0\0\0\x11" + CANARY + bytes(4),
        b"\xff\xff\xff\xff" + CANARY,
        (b"\0\0\0\x11" + CANARY).ljust(4096, b"\1"),
    ],
)
def test_padding_that_could_carry_something_is_refused_and_no_frame_keeps_it(padded: bytes) -> None:
    key = KEYS["X25519"]
    public = x25519.X25519PublicKey.from_public_bytes(base64.b64decode(key.public.raw))
    text = module._suite("X25519").encrypt(padded, public, info=module._info(RUN, ROLE))
    sealed = SealedBrief(kem="X25519", run=RUN, role=ROLE, sealed=base64.b64encode(text).decode())
    with pytest.raises(SealError) as caught:
        key.open(sealed, RUN, ROLE)
    assert caught.value.__context__ is None
    own = [entry.locals for entry in caught.traceback if str(entry.path) == module.__file__]
    assert own
    assert CANARY.decode() not in repr(own)


def test_nothing_shows_or_copies_the_private_key_or_the_brief() -> None:
    assert "redacted" in repr(KEY)
    assert SEALED.sealed not in repr(SEALED)
    assert CANARY not in FILE
    copiers: tuple[Callable[[object], object], ...] = (pickle.dumps, copy.copy, copy.deepcopy)
    for copier in copiers:
        with pytest.raises(TypeError):
            copier(KEY)


@pytest.mark.parametrize(
    ("kem", "raw"), [("X25519", bytes(32)), ("X25519", bytes(31)), ("MLKEM768-X25519", b"\xff" * 1216)]
)
def test_a_key_that_nothing_can_be_sealed_to_is_refused(kem: Kem, raw: bytes) -> None:
    """Zero would make everybody's shared secret the same."""
    key = PublicKey(kem=kem, raw=base64.b64encode(raw).decode())
    with pytest.raises(SealError, match="public key") as caught:
        seal(CANARY, key, run_id=RUN, role=ROLE)
    assert CANARY.decode() not in str(caught.value)


def test_a_run_or_role_that_cannot_be_one_and_a_brief_too_long_are_refused() -> None:
    for run, role in (("short", ROLE), ("a/../../b/c", ROLE), (RUN, "Not A Role"), ("", "")):
        with pytest.raises(SealError):
            seal(CANARY, KEY.public, run_id=run, role=role)
    with pytest.raises(SealError, match="1 MiB"):
        seal(bytes(LARGEST_BYTES + 1), KEY.public, run_id=RUN, role=ROLE)


def test_two_seals_of_one_brief_have_nothing_in_common() -> None:
    assert seal(CANARY, KEY.public, run_id=RUN, role=ROLE).sealed != SEALED.sealed


def test_run_ids_differ_and_can_be_sealed_to() -> None:
    assert len({new_run_id() for _ in range(100)}) == 100
    run = new_run_id()
    assert seal(b"", KEY.public, run_id=run, role=ROLE).run == run
