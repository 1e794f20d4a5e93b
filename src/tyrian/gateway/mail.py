"""Sends e-mail by the mail server that the stack file names."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Literal

from tyrian.errors import TyrianError

TIMEOUT_S: Final = 15.0


class MailError(TyrianError):
    """The mail server could not be reached, or took the message for nobody."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """A mail server, and how one gets on with it."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` sends everything in the clear, and is refused with a password."""
    username: str = ""
    password: str = field(default="", repr=False)

    async def send(self, recipients: Sequence[str], subject: str, text: str) -> int:
        """Send a message; how many addresses the server refused. MailError where it took none."""
        return await asyncio.to_thread(self._send, recipients, subject, text)

    def _message(self, recipients: Sequence[str], subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(recipients)
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message

    def _send(self, recipients: Sequence[str], subject: str, text: str) -> int:
        try:
            message = self._message(recipients, subject, text)
            with self._connected() as server:
                if self.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self.username:
                    server.login(self.username, self.password)
                return len(server.send_message(message))
        except (OSError, ValueError, smtplib.SMTPException) as error:
            # The type alone: what servers say may quote the address, or the password.
            raise MailError(type(error).__name__, hint="look into its log") from None

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
