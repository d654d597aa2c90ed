"""The host's key: Ed25519, made at its first use, kept in the user's configuration folder.

Covered: the file is created with mode 0600, whole or not at all, and is refused when anybody else could read or
change it, when it is a link, or when it belongs to somebody else. The private key is not shown or pickled.
Not covered: a passphrase or a hardware token; root; backups of the folder. Whoever has the file can sign.
"""

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bargaining.errors import InvalidInputError

FILE = "host-key.pem"
_LARGEST_BYTES = 16 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class HostPublicKey:
    """What a host's signatures are checked with."""

    __slots__ = ("_key", "id")

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.id = "sha256:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()
        """The digest of the raw key: what it is called."""

    @classmethod
    def from_pem(cls, data: bytes) -> "HostPublicKey":
        """Read a PEM text.

        Raises:
            InvalidInputError: It is not an Ed25519 public key.
        """
        key: object = None
        with suppress(ValueError, UnsupportedAlgorithm):
            key = load_pem_public_key(data)
        if not isinstance(key, Ed25519PublicKey):
            raise InvalidInputError(
                "this is not a host's public key: ask the host for what 'negbox claim key' prints there"
            )
        return cls(key)

    def pem(self) -> bytes:
        """The key as a PEM text, to be handed out."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether a signature is this host's, over exactly these bytes."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostPublicKey) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<HostPublicKey {self.id}>"


class HostKey:
    """The private key of a host. Make one with `generate`, `load` or `load_or_create`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = HostPublicKey(key.public_key())
        """What others check signatures with."""

    @classmethod
    def generate(cls) -> "HostKey":
        """A fresh key, kept nowhere."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, file: Path) -> "HostKey":
        """Read the key from its file.

        Raises:
            InvalidInputError: There is none, it is not an Ed25519 key, or others could read or change it.
        """
        data = _private_bytes(file)
        key: object = None
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):
            key = load_pem_private_key(data, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidInputError(f"{file}: not an Ed25519 key; move it away, and a new one is made")
        return cls(key)

    @classmethod
    def load_or_create(cls, file: Path | None = None) -> "HostKey":
        """Read the key, or make it at the first use.

        Args:
            file: Where it is kept; in the user's configuration folder if None.

        Raises:
            InvalidInputError: The file cannot be used, or cannot be written.
        """
        file = file or default_file()
        if not os.path.lexists(file):
            cls.generate().save(file)
        return cls.load(file)

    def save(self, file: Path) -> None:
        """Write the key, whole or not at all. A file that is there already, or appears meanwhile, stays.

        Raises:
            InvalidInputError: It cannot be written.
        """
        problem = ""
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _put(file, self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        except OSError as error:
            problem = error.strerror or "it cannot be written"
        if problem:
            raise InvalidInputError(
                f"{file}: the host's key cannot be written ({problem}); make the folder writable"
            )

    def sign(self, data: bytes) -> bytes:
        """The signature over these bytes."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"<HostKey {self.public.id}: redacted>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a HostKey is private and cannot be pickled or copied")


def default_file() -> Path:
    """Where the host's key is kept unless somebody says otherwise."""
    from platformdirs import user_config_path  # noqa: PLC0415 - only where it is needed

    return user_config_path("negbox") / FILE


def _put(file: Path, data: bytes) -> None:
    partial = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # whoever was first has won; both use that key
            os.link(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _private_bytes(file: Path) -> bytes:
    problem = ""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        problem = "there is no key"
    except OSError:
        problem = "the key cannot be read; it must be a file of yours, not a link"
    else:
        try:
            problem = _unsafe(os.fstat(descriptor))
            if not problem:
                return os.read(descriptor, _LARGEST_BYTES)
        finally:
            os.close(descriptor)
    raise InvalidInputError(f"{file}: {problem}")


def _unsafe(found: os.stat_result) -> str:
    """What speaks against a key file, judged by the open file, so that nobody can exchange it after the look."""
    if not stat.S_ISREG(found.st_mode):
        return "it is not a file"
    if found.st_uid != os.geteuid():
        return "the key belongs to another user; use one of your own"
    if stat.S_IMODE(found.st_mode) & _OTHERS:
        return "others could read or change the key: make a new one (move this away), or chmod 600 if nobody else did"
    return ""
