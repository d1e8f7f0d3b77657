"""E-mail against aiosmtpd, a mail server that others wrote."""

import socket
import ssl
from email import message_from_bytes, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from channels import Channel

BODY = "Man down: Grüße aus Zürich\n.\nA line that is a full stop is no end.\n" + "x" * 2000


class Box:
    """Takes mails, or answers as it is told."""

    def __init__(self):
        self.mails, self.answer, self.hello = [], None, None

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.hello = session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        self.mails.append((session.ssl is not None, envelope.rcpt_tos, mail))
        return "250 taken as 17"


@pytest.fixture
def server(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def log_in(server, session, envelope, mechanism, data):
        is_hub = (data.login, data.password) == (b"hub", b"secret")
        return AuthResult(success=is_hub, handled=False)

    # Port 0 is not understood by the controller's own test connection, so a free one is taken.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Controller(
        Box(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        authenticator=log_in,
        auth_required=True,
    )
    running.start()
    running.table = (
        f'kind = "email"\nhost = "localhost"\nport = {port}\nca = "ca.pem"\nuser = "hub"\n'
        'from = "Spica <alarm@hub.example.org>"\nhello = "hub.example.org"\n'
    )
    yield running
    running.stop()


def test_a_mail_arrives_whole_encrypted_and_under_one_identity(server, tmp_path):
    with Channel(tmp_path, server.table + 'password = "secret"') as channel:
        for attempt, number in [(1, 1), (2, 1), (1, 2)]:
            said = channel.send(
                number=number,
                attempt=attempt,
                address="anna@example.org",
                person="Änne Müller",
                subject="NOTFALL: Sturz (Lift 3, Zürich)",
                body=BODY,
                link=None,
            )
            assert said["outcome"] == "delivered" and "taken as 17" in said["answer"], said
    (encrypted, to, first), (_, _, again), (_, _, other) = server.handler.mails
    assert encrypted and to == ["anna@example.org"]
    assert server.handler.hello == "hub.example.org"
    assert first["subject"] == "NOTFALL: Sturz (Lift 3, Zürich)"
    assert first["to"].addresses[0].display_name == "Änne Müller"
    assert first["auto-submitted"] == "auto-generated"
    assert first["x-priority"].startswith("1")
    assert first.get_content_type() == "text/plain"
    assert first.get_content().replace("\r\n", "\n").rstrip("\n") == BODY
    assert first["message-id"] == again["message-id"] != other["message-id"]
    assert first["message-id"].endswith("@hub.example.org>")
    assert first["date"].datetime.year == 2026


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 try later", "retry"),
        ("452 full", "retry"),
        ("550 no such user", "refused"),
        ("554 no", "refused"),
    ],
)
def test_a_refusal_says_whether_to_try_again(server, tmp_path, answer, outcome):
    server.handler.answer = answer
    with Channel(tmp_path, server.table + 'password = "secret"') as channel:
        said = channel.send(address="anna@example.org")
    assert said["outcome"] == outcome and answer[:3] in said["answer"], said
    assert server.handler.mails == []


def test_a_wrong_password_is_the_hubs_trouble_and_not_the_mails(server, tmp_path):
    with Channel(tmp_path, server.table + 'password = "wrong"') as channel:
        said = channel.send(address="anna@example.org")
    assert said["outcome"] == "retry" and "535" in said["answer"], said
    assert "wrong" not in said["answer"], "a password is said"


def test_a_certificate_of_somebody_else_is_not_believed(server, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    with Channel(tmp_path, server.table + 'password = "secret"') as channel:
        said = channel.send(address="anna@example.org")
    assert said["outcome"] == "retry" and "certificate" in said["answer"], said
