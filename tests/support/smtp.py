"""A mail server on loopback that does as it is told: takes mail, refuses, puts off, hangs. Knows no
mail of ours."""

import base64
import datetime
import ipaddress
import socketserver
import ssl
import threading
from contextlib import contextmanager

from support.places import wait_for

ENDS = {"MAIL": "250 2.1.0 Sender fine", "RCPT": "250 2.1.5 Recipient fine",
        "DATA": "354 Go on", "RSET": "250 2.0.0 Forgotten", "NOOP": "250 2.0.0 Nothing done"}


class Mail:
    def __init__(self, session, data):
        self.sender, self.recipients = session.sender, session.recipients
        self.greeted_as, self.user, self.secure = session.name, session.user, session.secure
        self.data = data


class Session(socketserver.StreamRequestHandler):
    """One connection. `answers` of the server replace what is said to a command; "." is the end of
    the data, "" the greeting."""

    name = user = None
    secure = False

    def setup(self):
        if self.server.implicit_tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.secure = True
        super().setup()

    def handle(self):
        self.forget()
        try:
            self.reply("", "220 mail.example ESMTP")
            while line := self.rfile.readline():
                command, _, rest = line.decode("ascii").rstrip("\r\n").partition(" ")
                self.server.commands.append(line.decode("ascii").strip())
                if not self.obey(command.upper(), rest):
                    return
        except (OSError, ssl.SSLError, EOFError):
            pass  # the other side has gone, or does not trust us

    def forget(self):
        self.sender, self.recipients = None, []

    def reply(self, command, usual):
        """True where the answer was the usual one."""
        if command in self.server.hangs:
            self.server.hanging.set()
            self.server.released.wait(120)
            raise EOFError
        said = self.server.answers.get(command, usual)
        self.wfile.write(said.encode() + b"\r\n")
        return said == usual

    def obey(self, command, rest):
        if command == "EHLO":
            self.name = rest
            self.reply(command, "\r\n".join(self.greeting()))
        elif command == "STARTTLS" and self.server.tls:
            self.reply(command, "220 2.0.0 Go on")
            self.secure_connection()
        elif command == "AUTH":
            self.sign_in(rest)
        elif command == "QUIT":
            self.reply(command, "221 2.0.0 Goodbye")
            return False
        elif command in ENDS:
            self.take(command, rest)
        else:
            self.reply(command, "502 5.5.1 What?")
        return True

    def greeting(self):
        can = ["mail.example", "8BITMIME", "SIZE 10000000"]
        if self.server.tls and not self.secure:
            can.append("STARTTLS")
        if self.server.accounts:
            can.append("AUTH PLAIN")
        return [f"250-{word}" for word in can[:-1]] + [f"250 {can[-1]}"]

    def secure_connection(self):
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.secure = True

    def sign_in(self, rest):
        _, _, response = rest.partition(" ")
        if not response:
            self.wfile.write(b"334 \r\n")
            response = self.rfile.readline().decode("ascii")
        _, user, password = base64.b64decode(response).decode().split("\0")
        known = self.server.accounts.get(user) == password
        self.user = user if known else None
        self.reply("AUTH", "235 2.7.0 Welcome" if known else "535 5.7.8 Who?")

    def take(self, command, rest):
        if self.server.accounts and not self.user:
            self.reply(command, "530 5.7.0 Sign in first")
            return
        if not self.reply(command, ENDS[command]):
            return
        if command == "MAIL":
            self.sender = rest[len("FROM:<"):].partition(">")[0]
        elif command == "RCPT":
            self.recipients.append(rest[len("TO:<"):].partition(">")[0])
        elif command == "DATA":
            self.take_data()

    def take_data(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise EOFError
            lines.append(line[1:] if line.startswith(b".") else line)
        mail = Mail(self, b"".join(lines))
        self.forget()
        if self.reply(".", "250 2.0.0 Taken"):
            self.server.mails.append(mail)


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port=0, tls=None, implicit_tls=False, accounts=None):
        super().__init__(("127.0.0.1", port), Session)
        self.port = self.server_address[1]
        self.tls, self.implicit_tls, self.accounts = tls, implicit_tls, accounts or {}
        self.mails, self.commands, self.answers, self.hangs = [], [], {}, set()
        self.hanging, self.released = threading.Event(), threading.Event()

    @property
    def url(self):
        return f"{'smtps' if self.implicit_tls else 'smtp'}://127.0.0.1:{self.port}"

    def wait_for_mails(self, count=1):
        return wait_for(lambda: len(self.mails) >= count and self.mails, f"{count} mails")

    def handle_error(self, request, client_address):
        """Whoever does not trust the certificate ends the connection: that is no news."""


@contextmanager
def mail_server(**options):
    server = MailServer(**options)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()


def make_certificate(directory):
    """A certificate for 127.0.0.1 that signs itself: the context of a server, and its file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256()))
    certificate, private = directory / "mail.pem", directory / "mail.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context, certificate
