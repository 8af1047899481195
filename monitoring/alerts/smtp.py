"""SMTP as Django speaks it, with an end to every mail: a server that answers ever so slowly holds up nobody for long.

EMAIL_TIMEOUT bounds one answer; a mail takes ten of them, and a server that sends a byte now and then none at all.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Timer
from typing import Any, Final

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

MAIL_AT_MOST_S: Final = 15.0  # for signing in, and then for each mail
CLOSE_AT_MOST_S: Final = 2.0  # nothing is lost when a goodbye is not answered
TOO_SLOW: Final = "The server took too long over it."


class Line:
    """The connection under a mail; cutting it wakes whoever waits on it, also below TLS."""

    def __init__(self) -> None:
        self.is_cut = False
        self._socket: socket.socket | None = None

    def take(self, found: socket.socket | None) -> None:
        """Remember the connection that was made."""
        if self._socket is None and found is not None:
            self._socket = found.dup()

    def cut(self) -> None:
        self.is_cut = True
        if self._socket is not None:
            with suppress(OSError):  # it is gone already
                self._socket.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Bounded(smtplib.SMTP):
    """Gives up when its line was cut, however far it came."""

    def __init__(self, line: Line, *said: Any, **more: Any) -> None:
        self._line = line
        super().__init__(*said, **more)

    def getreply(self) -> tuple[int, bytes]:
        if self._line.is_cut:
            self.close()
            raise TimeoutError(TOO_SLOW)
        self._line.take(self.sock)
        return super().getreply()


class _Sealed(_Bounded, smtplib.SMTP_SSL):
    """The same from the first byte on under TLS."""


class EmailBackend(smtp.EmailBackend):
    """Raises TimeoutError for a mail, or a sign-in, that is not over after `at_most_s`."""

    def __init__(self, *said: Any, at_most_s: float = MAIL_AT_MOST_S, **more: Any) -> None:
        super().__init__(*said, **more)
        self.at_most_s = at_most_s
        self._line = Line()

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:  # type: ignore[override]
        return partial(_Sealed if self.use_ssl else _Bounded, self._line)

    def open(self) -> bool | None:
        if self.connection:
            return False
        self._line = Line()
        with self._within(self.at_most_s):
            return super().open()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        with self._within(self.at_most_s):
            return super().send_messages(email_messages)

    def close(self) -> None:
        try:
            with self._within(CLOSE_AT_MOST_S):
                super().close()
        finally:
            self._line.let_go()

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        line = self._line
        timer = Timer(seconds, line.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if line.is_cut and not isinstance(error, TimeoutError):
                raise TimeoutError(TOO_SLOW) from error
            raise
        finally:
            timer.cancel()
