"""Mail: a letter handed to the mail server of the config, over TLS, by one attempt."""

import re
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import gaierror, socket
from typing import Annotated, Literal

import certifi
from pydantic import Field

from detection.errors import BadInput
from detection.types import parameters
from jobs.notify.channels.deadline import Deadline, WholeLines
from jobs.notify.channels.letter import DOMAIN, Content, Part, Route, Thread, letter
from jobs.notify.channels.result import Outcome
from jobs.notify.channels.secrets import secret

__all__ = ["Content", "MailServer", "Part", "Route", "Thread", "letter", "send"]


@parameters
class MailServer:
    """The server that takes our letters."""

    host: Annotated[str, Field(examples=["mail.example.org"])]
    """Its name; the certificate must be for it."""
    port: int = 587
    """587 is the submission port (RFC 6409)."""
    tls: Literal["starttls", "none"] = "starttls"
    """`none` only for a server on this very machine."""
    user: str = ""
    """Login; empty: none is asked for."""
    password: str = ""
    """Where its password is kept, `env:NAME` or `file:/path`."""

    def __post_init__(self) -> None:
        if not DOMAIN.fullmatch(self.host) and not _address(self.host):
            raise BadInput(f"mail server: {self.host!r} is no host; give its name or address in ASCII")
        if not 0 < self.port < 65_536:
            raise BadInput(f"mail server: port {self.port} is no port; give 1..65535, mostly 587")
        if self.tls == "none" and not _on_this_machine(self.host):
            raise BadInput(f"mail server: tls none for {self.host} would send letters in the clear; set tls: starttls")
        if bool(self.user) != bool(self.password) or not self.user.isascii():
            raise BadInput("mail server: user (ASCII) and password go together; give both or neither")


def send(server: MailServer, message: EmailMessage, timeout_s: float, *, roots: str | None = None) -> Outcome:
    """Hand one letter to the server, timeout_s for all of it; its one reader is in its To.

    What the server says to sender, reader or content decides: 4xx is `again`, 5xx `never`. No connection, no TLS, a refused
    login or a greeting that sends us away say nothing of the letter: `again`. A letter whose receipt got lost on the way is
    sent again under the same Message-ID. Raises BadInput where the password cannot be read: nothing was tried then.
    """
    password = _password(server)
    sender, reader = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    who = f"{server.host}:{server.port}"
    with Deadline(timeout_s) as deadline:
        try:
            line = _Line(server, sender.rpartition("@")[2], deadline)
            try:
                _enter(line, server, password, roots or certifi.where())
                return _handed_over(line, sender, reader, message.as_bytes(), who)
            finally:
                _leave(line)
        except smtplib.SMTPResponseException as error:
            login = isinstance(error, smtplib.SMTPAuthenticationError)
            said = f"refuses {'our login' if login else 'to talk to us'}, code {error.smtp_code}"
            mend = "; check `user` and `password` of `mail`" if login else ""
            return Outcome("again", f"{who}: {said}{mend}", code=_code(error.smtp_code))
        except ssl.SSLCertVerificationError as error:
            said = f"its certificate does not hold ({error.verify_message})"
            return Outcome("again", f"{who}: {said}; give as `host` of `mail` the name that it is for")
        except smtplib.SMTPNotSupportedError:
            return Outcome("again", f"{who}: offers no STARTTLS or login; check host and port")
        except (smtplib.SMTPException, OSError) as error:
            return Outcome("again", f"{who}: {_silence(error, deadline)}")


def _silence(error: Exception, deadline: Deadline) -> str:
    """Why nothing came, and what to look at."""
    cause = error.__context__ or error  # smtplib puts its own error around the socket's
    if deadline.ran_out or isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return f"no answer within {deadline.seconds:g} s; check `host` and `port` of `mail`, and what lies between"
    if isinstance(error, gaierror):
        return "its name leads nowhere; check `host` of `mail`, and that names are resolved here"
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection; check `host` and `port` of `mail`, and that the server runs"
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails ({cause.reason or type(cause).__name__}); check `port` of `mail`, and the server's TLS"
    return f"no answer ({type(error).__name__}); check `host` and `port` of `mail`"


class _Line(smtplib.SMTP):
    """A connection whose socket is known to the deadline before the greeting is read, and whose answers are whole lines."""

    def __init__(self, server: MailServer, ours: str, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(server.host, server.port, ours, deadline.seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket:
        sock: socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._deadline.watch(sock)
        return sock

    def getreply(self) -> tuple[int, bytes]:
        """As of SMTP."""
        if self.file is None and self.sock is not None:
            self.file = WholeLines(self.sock.makefile("rb").detach())
        return super().getreply()


def _enter(line: _Line, server: MailServer, password: str, roots: str) -> None:
    if server.tls == "starttls":
        line.starttls(context=ssl.create_default_context(cafile=roots))
    line.ehlo_or_helo_if_needed()
    if server.user:
        line.login(server.user, password)


def _handed_over(line: _Line, sender: str, reader: str, content: bytes, who: str) -> Outcome:
    try:
        line.sendmail(sender, [reader], content)
    except smtplib.SMTPRecipientsRefused as refused:
        return _answered(*refused.recipients[reader], f"{who}: the reader's address was refused")
    except smtplib.SMTPSenderRefused as refused:
        return _answered(refused.smtp_code, refused.smtp_error, f"{who}: our address was refused")
    except smtplib.SMTPDataError as refused:
        return _answered(refused.smtp_code, refused.smtp_error, f"{who}: the letter was refused")
    return Outcome("sent", f"{who}: taken, code 250", code=250)


def _answered(code: int, text: bytes | str, said: str) -> Outcome:
    """Of the server's words only the enhanced code is kept (RFC 3463): the rest may name readers."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    found = re.match(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b", words)
    why = f"{said}, code {code}{f' {found[0]}' if found else ''}"
    return Outcome("never" if 500 <= code < 600 else "again", why, code=_code(code))


def _code(code: int) -> int | None:
    return code if code > 0 else None  # -1 stands for an answer without one


def _leave(line: _Line) -> None:
    """What was taken stays taken, whether or not the server says goodbye."""
    with suppress(smtplib.SMTPException, OSError):
        line.quit()
    line.close()


def _password(server: MailServer) -> str:
    password = secret(server.password) if server.password else ""
    if not password.isascii():  # the library would fail, and repeat it
        raise BadInput(f"secret {server.password}: a mail password is ASCII; choose another one")
    return password


def _on_this_machine(host: str) -> bool:
    found = _address(host)
    return found.is_loopback if found else host == "localhost"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
