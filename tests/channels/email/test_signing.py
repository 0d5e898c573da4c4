"""DKIM: what is signed is verified by the public key, the two headers of one-click unsubscribing with it."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from nacl.signing import SigningKey

from channels.base import ReadyMail
from channels.email.dkim import DkimKey, DkimSigner
from channels.email.message import MailSender, write_mail
from core.errors import ConfigurationError

SENDER = MailSender("Cités", "news@hub.example.org")


@pytest.fixture
def mail() -> bytes:
    ready = ReadyMail(
        id="a" * 32,
        to="zoe@example.org",
        language="fr",
        subject="Bonjour à toutes et à tous, voici le programme de la rencontre annuelle des coordinateurs",
        text="Bonjour à tous\n\n\n",
        html="<p>Bonjour à tous</p>",
        list_id="youth",
        unsubscribe_url="https://hub.example.org/u/" + "x" * 200,
    )
    return write_mail(ready, sender=SENDER, written_at=datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture(scope="module")
def rsa(tmp_path_factory: pytest.TempPathFactory, openssl: str) -> tuple[Path, bytes]:
    """A key file, and what the DNS says of it."""
    path = tmp_path_factory.mktemp("rsa") / "key.pem"
    subprocess.run([openssl, "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    answer = subprocess.run(
        [openssl, "rsa", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True
    )
    return path, b"v=DKIM1; k=rsa; p=" + base64.b64encode(answer.stdout)


@pytest.fixture(params=["base64", "pem"])
def ed25519(request: pytest.FixtureRequest, tmp_path: Path, openssl: str) -> tuple[Path, bytes]:
    path = tmp_path / "key"
    if request.param == "pem":
        subprocess.run([openssl, "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
        der = base64.b64decode(b"".join(path.read_bytes().splitlines()[1:-1]))
        key = SigningKey(der[-32:])
    else:
        key = SigningKey.generate()
        path.write_bytes(base64.b64encode(bytes(key)) + b"\n")
    return path, b"v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key))


def verify(signed: bytes, records: dict[bytes, bytes], number: int = 0) -> bool:
    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        return records.get(name)

    return bool(dkim.DKIM(signed).verify(number, dnsfunc=look_up))


def test_both_signatures_verify_and_cover_the_headers_of_one_click(
    mail: bytes, rsa: tuple[Path, bytes], ed25519: tuple[Path, bytes]
) -> None:
    signer = DkimSigner.load("hub.example.org", key_files=f"{rsa[0]}:{ed25519[0]}", selectors="r1:e1")
    records = {b"r1._domainkey.hub.example.org.": rsa[1], b"e1._domainkey.hub.example.org.": ed25519[1]}
    signed = signer.sign(mail)
    assert verify(signed, records, 0)
    assert verify(signed, records, 1)
    assert signed.endswith(mail)
    for change in (
        (b"List-Unsubscribe: <https://hub", b"List-Unsubscribe: <https://evil"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe-Post: x"),
        (b"List-Id: <youth", b"List-Id: <other"),
        (b"Subject: ", b"Subject: x"),
        (b"\r\nTo: ", b"\r\nFrom: evil@example.org\r\nTo: "),
    ):
        forged = signed.replace(*change)
        assert forged != signed
        assert not verify(forged, records, 0)
        assert not verify(forged, records, 1)


def test_a_mail_is_signed_the_same_whatever_a_relay_does_to_its_spaces(mail: bytes, rsa: tuple[Path, bytes]) -> None:
    signer = DkimSigner("hub.example.org", [DkimKey.read(rsa[0], "r1")])
    signed = signer.sign(mail).replace(b"\r\nTo: ", b"\r\nTo:  ")
    assert verify(signed, {b"r1._domainkey.hub.example.org.": rsa[1]})


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_said_at_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError):
        DkimSigner.load("hub.example.org", key_files=str(tmp_path / "key"), selectors="s")


def test_a_missing_file_and_a_missing_name_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        DkimSigner.load("hub.example.org", key_files=str(tmp_path / "none"), selectors="s")
    with pytest.raises(ConfigurationError):
        DkimSigner.load("hub.example.org", key_files="a:b", selectors="s")


def test_a_key_does_not_show_itself(rsa: tuple[Path, bytes]) -> None:
    assert "PRIVATE" not in repr(DkimKey.read(rsa[0], "r1"))
