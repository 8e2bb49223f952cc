"""Mail to any SMTP server. The address and the secret come from the environment, never from the database."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from fairday.kernel.errors import FairdayError
from fairday.reach.outbox import TRANSACTIONAL, Message, Status

ENVIRONMENT = "FAIRDAY_SMTP_URL"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where mail is handed over: ``smtp://user:secret@host:587`` (STARTTLS when offered, and always
    before a secret is said to another machine) or ``smtps://…:465``."""

    host: str
    port: int
    user: str
    secret: str
    tls: bool

    def __repr__(self) -> str:  # the secret stays out of logs
        return f"SmtpAddress({self.host}:{self.port})"


def from_environment() -> SmtpAddress | None:
    """The SMTP server named by FAIRDAY_SMTP_URL, or None: then mail stays in the local mailbox.

    Raises:
        FairdayError: the variable is there but is not an SMTP address.
    """
    raw = os.environ.get(ENVIRONMENT, "")
    if not raw:
        return None
    parts = urlsplit(raw)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == 0:
        raise FairdayError(
            "The mail server's address cannot be read.",
            code="bad_smtp_url",
            where=ENVIRONMENT,
            remedy="Write smtp://user:secret@mail.example.com:587 or smtps://…:465.",
        )
    tls = parts.scheme == "smtps"
    default = 465 if tls else 587
    return SmtpAddress(
        parts.hostname, port or default, unquote(parts.username or ""), unquote(parts.password or ""), tls
    )


def compose(message: Message, sender: str, public_url: str) -> EmailMessage:
    """The mail of a message, with one-click unsubscribe (RFC 8058) and a Message-ID of its own."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())
    mail["From"] = sender
    mail["To"] = message.address
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.planned_at / 1000, UTC))
    mail["Message-ID"] = make_msgid(f"fairday.{message.id}", domain=urlsplit(public_url).hostname or "localhost")
    if message.scene not in TRANSACTIONAL:
        mail["List-Unsubscribe"] = f"<{public_url}/unsubscribe/{message.token}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


class Smtp:
    """Sends a batch over one connection. A fault before a message was handed over puts it back; after, it is unsure."""

    def __init__(self, address: SmtpAddress, sender: str, public_url: str) -> None:
        self._address = address
        self._sender = sender
        self._public_url = public_url

    def send(self, batch: Sequence[Message]) -> list[tuple[int, Status, str]]:
        done: list[tuple[int, Status, str]] = []
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            return [(m.id, "queued", f"server away: {type(error).__name__}") for m in batch]
        try:
            for i, m in enumerate(batch):
                try:
                    server.send_message(compose(m, self._sender, self._public_url))
                    done.append((m.id, "sent", "smtp"))
                except smtplib.SMTPRecipientsRefused as error:
                    code = next(iter(error.recipients.values()))[0]
                    done.append((m.id, "failed" if code >= 500 else "queued", f"refused {code}"))
                except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
                    # About us or the text, not about the address: that one has not bounced.
                    what = "sender" if isinstance(error, smtplib.SMTPSenderRefused) else "content"
                    status: Status = "failed" if error.smtp_code >= 500 else "queued"
                    done.append((m.id, status, f"{what} refused {error.smtp_code}"))
                except (ValueError, IndexError, MessageError, smtplib.SMTPNotSupportedError) as error:
                    done.append((m.id, "failed", type(error).__name__))  # cannot be written down: never handed over
                except (OSError, smtplib.SMTPException) as error:
                    # The line broke while this one was under way: it may have arrived.
                    done.append((m.id, "unsure", type(error).__name__))
                    done += [(rest.id, "queued", "line broke") for rest in batch[i + 1 :]]
                    break
        finally:
            _leave(server)
        return done

    def _connect(self) -> smtplib.SMTP:
        a = self._address
        context = ssl.create_default_context()
        if a.tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(a.host, a.port, timeout=30, context=context)
        else:
            server = smtplib.SMTP(a.host, a.port, timeout=30)
        try:
            server.ehlo_or_helo_if_needed()
            if not a.tls and server.has_extn("starttls"):
                server.starttls(context=context)
            if a.user:
                if not isinstance(server.sock, ssl.SSLSocket) and not _at_home(a.host):
                    raise smtplib.SMTPNotSupportedError("no encryption: the secret is not said aloud")
                server.login(a.user, a.secret)
        except BaseException:
            server.close()
            raise
        return server


def _at_home(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _leave(server: smtplib.SMTP) -> None:
    # Whatever the server says to a goodbye, what became of the messages is known already.
    with contextlib.suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


__all__ = ["ENVIRONMENT", "Smtp", "SmtpAddress", "compose", "from_environment"]
