"""TLS between LoadGen and its SUT, with certificates that are made here."""

import datetime
import ipaddress
import os

import numpy as np
import pytest
from tests.suite.serve.conftest import serving

from loadscope.errors import InputError, LoadScopeError
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.serve.server import Protection
from loadscope.sut.network.client import SutClient
from loadscope.sut.network.protocol import AUTHORITY, CERTIFICATE, KEY

x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """PEM files: an authority, and a server's and a client's certificate and key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder, now = tmp_path_factory.mktemp("keys"), datetime.datetime.now(datetime.UTC)

    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    authority = ec.generate_private_key(ec.SECP256R1())
    for name in ("authority", "server", "client"):
        key = authority if name == "authority" else ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder().subject_name(named(name)).issuer_name(named("authority"))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(name == "authority", None), critical=True)
        )  # fmt: skip
        if name == "server":
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        made = builder.sign(authority, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )  # fmt: skip
    return folder


def test_both_ends_know_each_other_or_nothing_is_answered(served, keys, monkeypatch):
    protection = Protection(
        certificate=keys / "server.pem", key=keys / "server.key", clients=keys / "authority.pem"
    )
    protection.require_enough("0.0.0.0")
    batch = {"image": np.zeros((1, 3, 32, 32), np.float32)}
    with serving(served(), **protection.settings()) as port:
        address = f"https://127.0.0.1:{port}"
        with pytest.raises(InputError, match=r"TLS: .*certificate verify failed"):
            SutClient(address).predict(batch)
        monkeypatch.setenv(AUTHORITY, str(keys / "authority.pem"))
        with pytest.raises(LoadScopeError):
            SutClient(address).predict(batch)
        monkeypatch.setenv(CERTIFICATE, str(keys / "client.pem"))
        monkeypatch.setenv(KEY, str(keys / "client.key"))
        assert SutClient(address).predict(batch)["scores"].shape == (1, 10)
        monkeypatch.setenv(KEY, str(keys / "server.key"))
        with pytest.raises(InputError, match="not usable for TLS"):
            SutClient(address)
        monkeypatch.setenv(KEY, str(keys / "none.key"))
        with pytest.raises(InputError, match=r"none\.key not found"):
            SutClient(address)


def test_a_run_finds_the_files_that_are_named_from_where_it_began(
    served, keys, tiny, tiny_dataset, loadscope, environment, tmp_path
):
    protection = Protection(
        certificate=keys / "server.pem", key=keys / "server.key", clients=keys / "authority.pem"
    )
    files = {AUTHORITY: "authority.pem", CERTIFICATE: "client.pem", KEY: "client.key"}
    environment |= {name: os.path.relpath(keys / file, tmp_path) for name, file in files.items()}
    with serving(served(), **protection.settings()) as port:
        loadscope(
            "run", "--models", tiny, "--model", "tiny", "--framework", "null",
            "--scenario", "SingleStream", "--dataset-path", tiny_dataset, "--min-duration", "300ms",
            "--min-query-count", 10, "--output", tmp_path / "out",
            "--sut", f"https://127.0.0.1:{port}",
        )  # fmt: skip
    record = RunDirectory(tmp_path / "out").read()
    assert record.state[Mode.PERFORMANCE].status == "finished"


def test_another_address_needs_something_to_know(keys):
    for wrong, words in (
        (Protection(), "others can reach it"),
        (Protection("word", certificate=keys / "server.pem"), "a certificate and its key"),
        (Protection("word", clients=keys / "authority.pem"), "a certificate and its key"),
    ):
        with pytest.raises(InputError, match=words):
            wrong.require_enough("10.0.0.2")
    Protection("word").require_enough("10.0.0.2")
    Protection().require_enough("127.0.0.1")
    Protection("word", keys / "server.pem", keys / "server.key").require_enough("10.0.0.2")


@pytest.mark.parametrize(
    "files",
    [
        ("server.pem", "client.key", None),
        ("none.pem", "server.key", None),
        ("server.key", "server.key", None),
        ("server.pem", "server.key", "server.key"),
    ],
)
def test_files_that_do_not_serve_are_told_before_a_model_is_loaded(keys, files):
    certificate, key, clients = (keys / name if name else None for name in files)
    with pytest.raises(InputError, match=r"^TLS: ") as told:
        Protection("", certificate, key, clients).require_enough("127.0.0.1")
    assert str(keys / files[0]) in told.value.message


def test_a_first_answer_that_is_lost_may_want_tls(served, keys, monkeypatch):
    protection = Protection(
        certificate=keys / "server.pem", key=keys / "server.key", clients=keys / "authority.pem"
    )
    monkeypatch.setenv(AUTHORITY, str(keys / "authority.pem"))
    with serving(served(), **protection.settings()) as port:
        for scheme in ("http", "https"):
            with pytest.raises(LoadScopeError) as told:
                SutClient(f"{scheme}://127.0.0.1:{port}").name()
            assert CERTIFICATE in told.value.fix
