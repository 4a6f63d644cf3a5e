"""The demo house and its post office, for every test of the shell."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sync import demo
from tests.sync.house import TODAY
from tests.sync.postman import Postman
from tests.sync.postman import postman as postman_at_work


@pytest.fixture(scope="session")
def fresh_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    demo.make(home, lambda: TODAY, None)
    return home


@pytest.fixture
def home(fresh_demo: Path, tmp_path: Path) -> Path:
    """A demo that no run has touched yet."""
    return Path(shutil.copytree(fresh_demo, tmp_path / "demo"))


@pytest.fixture
def postman(home: Path) -> Iterator[Postman]:
    """The demo's mail goes to a server of our own."""
    with postman_at_work() as server:
        file = home / "config.yaml"
        text = file.read_text(encoding="utf-8").replace("transport: folder ", "transport: smtp ")
        text = text.replace('host: "" ', "host: 127.0.0.1 ").replace("port: 587 ", f"port: {server.server.address[1]} ")
        file.write_text(text.replace("security: starttls ", "security: none "), encoding="utf-8")
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cert.pem`, self-signed for 127.0.0.1, and its `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    then = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(then)
        .not_valid_after(then + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder
