"""Keys of a campaign's own: one authority, a certificate for the coordinator and one a host.

``keys/ca.pem, ca.key, coordinator.pem, coordinator.key`` stay with the campaign; ``keys/HOST/``
with ``ca.pem``, ``host.pem`` and ``host.key`` goes to the host. A certificate names what it is for:
a worker cannot report for another host than its own.
"""

import contextlib
import os
import ssl
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadscope.errors import InputError, WorkError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

FOLDER = "keys"
COORDINATOR = "coordinator"
_DAYS = 365
_PRIVATE = 0o600
_LONGEST_NAME = 64
"""Of a certificate (RFC 5280, ub-common-name)."""


@dataclass(frozen=True)
class KeyFiles:
    """What one side needs.

    Attributes:
        authority: The campaign's certificate.
        certificate: The side's own.
        key: Its private key.
    """

    authority: Path
    certificate: Path
    key: Path

    @property
    def name(self) -> str:
        """Whom the certificate is for.

        Raises:
            InputError: It cannot be read.
        """
        return name_of(_certificate(self.certificate))

    def require(self) -> "KeyFiles":
        """Check that the files are there and belong together, and the key is private.

        Raises:
            InputError: One is missing or of another, or others can read the key.
        """
        for path in (self.authority, self.certificate, self.key):
            if not path.is_file():
                raise InputError(
                    f"{path}: not found",
                    "make the keys with loadscope campaign keys FILE, and copy keys/HOST to HOST",
                )
        mode = stat.S_IMODE(self.key.stat().st_mode)
        if mode & 0o077:
            raise InputError(
                f"{self.key} can be read by others: expected mode 600, got {mode:o}",
                f"chmod 600 {self.key}; if others could log in, make new keys",
            )
        try:
            context = ssl.create_default_context(cafile=self.authority)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.authority}, {self.certificate.name}, {self.key.name}: not usable "
                f"together: {error}",
                "copy all files of keys/HOST again, of one campaign",
            ) from error
        return self


def coordinator_keys(folder: Path) -> KeyFiles:
    """The files of the coordinator, in a campaign's folder."""
    keys = folder / FOLDER
    return KeyFiles(keys / "ca.pem", keys / "coordinator.pem", keys / "coordinator.key")


def host_keys(folder: Path) -> KeyFiles:
    """The files of a host, in the folder that was copied to it."""
    return KeyFiles(folder / "ca.pem", folder / "host.pem", folder / "host.key")


def make_keys(folder: Path, hosts: Iterable[str]) -> list[str]:
    """Make the keys of a campaign, or those that are missing.

    Args:
        folder: The campaign's folder.
        hosts: Its hosts.

    Returns:
        The hosts whose keys are new.

    Raises:
        InputError: The extra is missing, a host's name cannot be in a certificate, or the
            authority's key can be read by others.
        WorkError: The disk is full.
    """
    _require_library()
    hosts = tuple(hosts)
    for host in hosts:
        if host == COORDINATOR:
            raise InputError(f"a host cannot be called '{COORDINATOR}'", "give it another name")
        if len(host) > _LONGEST_NAME:
            raise InputError(
                f"host '{host}': a certificate holds {_LONGEST_NAME} characters of a name, "
                f"got {len(host)}",
                "give it a shorter name",
            )
    keys = folder / FOLDER
    try:
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys.chmod(0o700)
        authority = KeyFiles(keys / "ca.pem", keys / "ca.pem", keys / "ca.key")
        if not authority.key.exists():
            _issue(authority, f"LoadScope campaign {folder.name}"[:_LONGEST_NAME], None)
        authority.require()
        if not coordinator_keys(folder).key.exists():
            _issue(coordinator_keys(folder), COORDINATOR, authority)
        new = []
        for host in hosts:
            files = host_keys(keys / host)
            if not files.key.exists():
                files.key.parent.mkdir(exist_ok=True, mode=0o700)
                _write(files.authority, authority.certificate.read_bytes(), 0o644)
                _issue(files, host, authority)
                new.append(host)
    except OSError as error:
        raise WorkError(f"cannot write {error.filename}: {error.strerror}", "free space") from error
    return new


def name_of(certificate: "Certificate") -> str:
    """Whom a certificate is for: its common name."""
    from cryptography.x509.oid import NameOID

    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def peer_name(peer: Any) -> str:
    """Whom the certificate of a TLS connection is for, as ``ssl.getpeercert`` tells it."""
    for part in (peer or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return ""


def _issue(files: KeyFiles, name: str, authority: KeyFiles | None) -> None:
    """Make a key and its certificate; its own authority where none is given."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = subject, key
    if authority is not None:
        issuer = _certificate(authority.certificate).subject
        loaded = serialization.load_pem_private_key(authority.key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer = loaded
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of hosts may be behind by minutes, which is told later and by name.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if authority is None:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        built = built.add_extension(usage, True)
    certificate = built.sign(signer, hashes.SHA256())
    # The key last: where it is, all that goes with it is.
    _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(
        files.key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        _PRIVATE,
    )


def _certificate(path: Path) -> "Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a certificate: {error}", "make new keys") from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that at no moment has more rights than it is to have."""
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _require_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise InputError(
            "keys need the extra 'engine', which is not installed",
            "pip install 'loadscope[engine]'",
        ) from error
