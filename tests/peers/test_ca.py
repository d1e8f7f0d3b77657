"""`spica ca` against OpenSSL, as Python has it: handshakes between two nodes, in memory."""

import ssl
import subprocess
from pathlib import Path

import pytest
from conftest import BINARY
from cryptography import x509


def ca(*args):
    done = subprocess.run([BINARY, "ca", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def pair(tmp_path):
    ca("init", "--dir", tmp_path / "ca")
    for side in ["primary", "backup"]:
        issue = ["issue", "--dir", tmp_path / "ca", "--node", "root/Süd 1"]
        ca(*issue, "--side", side, "--address", "127.0.0.1", "--out", tmp_path / side)
    return tmp_path


def context(node: Path, purpose):
    """One end of a link: TLS 1.3, a certificate of the peer required, the list looked at."""
    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
    made.load_verify_locations(node / "ca.crt")
    made.load_verify_locations(node / "ca.crl")
    made.load_cert_chain(node / "node.crt", node / "node.key")
    return made


def handshake(client: Path, server: Path):
    """Lets two nodes shake hands; gives the certificates that each end saw."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        context(client, ssl.PROTOCOL_TLS_CLIENT).wrap_bio(back, there),
        context(server, ssl.PROTOCOL_TLS_SERVER).wrap_bio(there, back, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    return [x509.load_der_x509_certificate(end.getpeercert(True)) for end in ends]


def name(certificate):
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def test_openssl_lets_the_two_nodes_of_a_pair_shake_hands(pair):
    saw = handshake(pair / "primary", pair / "backup")
    path = "spica://node/root/S%C3%BCd%201"
    assert [name(certificate) for certificate in saw] == [
        [f"{path}?side=backup"],
        [f"{path}?side=primary"],
    ]


def test_openssl_refuses_a_revoked_node(pair):
    ca("revoke", "--dir", pair / "ca", "--node", "root/Süd 1", "--side", "backup")
    (pair / "primary" / "ca.crl").write_bytes((pair / "ca" / "ca.crl").read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(pair / "primary", pair / "backup")


def test_openssl_refuses_a_node_of_another_authority(pair, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    ca("init", "--dir", other / "ca")
    ca("issue", "--dir", other / "ca", "--node", "root", "--out", other / "node")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pair / "primary", other / "node")


def test_certificates_read_as_they_were_asked_for(pair):
    certificate = x509.load_pem_x509_certificate((pair / "primary" / "node.crt").read_bytes())
    authority = x509.load_pem_x509_certificate((pair / "ca" / "ca.crt").read_bytes())
    certificate.verify_directly_issued_by(authority)
    lives = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lives.days == 731, "two years, and the day before"
    revoked = x509.load_pem_x509_crl((pair / "ca" / "ca.crl").read_bytes())
    assert revoked.is_signature_valid(authority.public_key()) and len(revoked) == 0
