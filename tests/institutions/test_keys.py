"""The host's key: where it is kept, and who may read it."""

import copy
import hashlib
import os
import pickle
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from bargaining.errors import InvalidInputError
from institutions import keys
from institutions.keys import HostKey, HostPublicKey


def test_the_first_use_makes_a_key_and_the_next_finds_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "key.pem"
    made = HostKey.load_or_create(file)
    assert HostKey.load_or_create(file).public == made.public
    assert [path.name for path in file.parent.iterdir()] == ["key.pem"]


def test_by_default_it_is_in_the_users_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    key = HostKey.load_or_create()
    assert keys.default_file().is_relative_to(tmp_path)
    assert HostKey.load(keys.default_file()).public == key.public


def test_only_its_owner_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        HostKey.load_or_create(tmp_path / "folder" / "key.pem")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "folder" / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_file_that_others_could_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key.pem"
    HostKey.generate().save(file)
    file.chmod(mode)
    with pytest.raises(InvalidInputError, match="others"):
        HostKey.load_or_create(file)


def test_a_link_is_refused_and_nothing_is_written_through_it(tmp_path: Path) -> None:
    HostKey.generate().save(tmp_path / "real.pem")
    for target in ("real.pem", "missing.pem"):
        link = tmp_path / f"link-to-{target}"
        link.symlink_to(tmp_path / target)
        with pytest.raises(InvalidInputError, match="not a link"):
            HostKey.load_or_create(link)
    assert not (tmp_path / "missing.pem").exists()


def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.pem"
    HostKey.generate().save(file)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(InvalidInputError, match="another user"):
        HostKey.load(file)


def test_what_is_not_such_a_key_is_refused_and_not_overwritten(tmp_path: Path) -> None:
    foreign = ec.generate_private_key(ec.SECP256R1())
    pem = foreign.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for number, content in enumerate((b"", b"canary", pem, pem[:60], HostKey.generate().public.pem())):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(InvalidInputError, match="not an Ed25519 key") as caught:
            HostKey.load_or_create(file)
        assert "canary" not in str(caught.value)
        assert file.read_bytes() == content


def test_a_folder_or_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(InvalidInputError, match="not a file"):
            HostKey.load_or_create(tmp_path / name)
    with pytest.raises(InvalidInputError, match="there is no key"):
        HostKey.load(tmp_path / "missing")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        HostKey.load_or_create(tmp_path / "file" / "key.pem")


def test_all_who_come_first_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: HostKey.load_or_create(tmp_path / "key.pem").public.id, range(16)))
    assert len(set(found)) == 1


def test_its_name_is_the_digest_of_the_raw_public_key() -> None:
    public = HostKey.generate().public
    loaded = load_pem_public_key(public.pem())
    assert isinstance(loaded, Ed25519PublicKey)
    assert public.id == "sha256:" + hashlib.sha256(loaded.public_bytes_raw()).hexdigest()
    assert HostPublicKey.from_pem(public.pem()) == public


def test_what_is_not_a_public_key_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    for pem in (b"", b"text", other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(InvalidInputError, match="negbox claim key"):
            HostPublicKey.from_pem(pem)


def test_a_signature_is_over_exactly_these_bytes_by_exactly_this_key() -> None:
    key, other = HostKey.generate(), HostKey.generate()
    signature = key.sign(b"text")
    assert key.public.verifies(signature, b"text")
    assert not key.public.verifies(signature, b"Text")
    assert not other.public.verifies(signature, b"text")
    assert not key.public.verifies(b"", b"text")


def test_nothing_shows_or_copies_the_private_key(tmp_path: Path) -> None:
    key = HostKey.load_or_create(tmp_path / "key.pem")
    body = (tmp_path / "key.pem").read_text().splitlines()[1]
    assert "redacted" in repr(key)
    assert body not in repr(key) + repr(key.public)
    copiers: tuple[Callable[[object], object], ...] = (pickle.dumps, copy.copy, copy.deepcopy)
    for copier in copiers:
        with pytest.raises(TypeError):
            copier(key)
