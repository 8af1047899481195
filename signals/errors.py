"""Every refusal that a client can meet: one small class each, with the code that goes over the wire."""

from __future__ import annotations

from typing import ClassVar


class SignalsError(Exception):
    """Expected trouble. Becomes an error frame or a 4xx; `extra` holds further camelCase fields of the frame."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    sentence: ClassVar[str] = "That is not possible right now."

    def __init__(self, message: str = "", **extra: int) -> None:
        self.message = message or self.sentence
        self.extra = extra
        super().__init__(self.message)


class InvalidJson(SignalsError):
    code = "invalid_json"
    sentence = "A frame has to be JSON text."


class MissingType(SignalsError):
    code = "missing_type"
    sentence = "A frame needs a type, and it has to be text."


class UnknownType(SignalsError):
    code = "unknown_type"
    sentence = "There is no frame of that type."


class InvalidPayload(SignalsError):
    code = "invalid_payload"
    sentence = "The payload does not fit the type of the frame."


class MessageTooLarge(SignalsError):
    code = "message_too_large"
    sentence = "A frame may hold at most 16 KiB."


class MessageTooLong(SignalsError):
    code = "message_too_long"
    sentence = "A message may hold at most 1000 characters."


class Unavailable(SignalsError, ConnectionError):
    """Where people are kept can't be reached: nothing was decided, or nobody can say whether it was."""

    code = "unavailable"
    status = 503
    sentence = "We can't reach who is here. Please try again in a moment."


class RateLimitExceeded(SignalsError):
    """`retryAfterMs` says when the next try is welcome."""

    code = "rate_limit_exceeded"
    status = 429
    sentence = "Too many at once. Please wait a moment."

    def __init__(self, retry_after_ms: int, message: str = "") -> None:
        super().__init__(message, retryAfterMs=max(1, retry_after_ms))


class CooldownActive(SignalsError):
    code = "cooldown_active"
    sentence = "You can ask for chats again when the cooldown is over."

    def __init__(self, expires_at_ms: int, remaining_ms: int) -> None:
        super().__init__(cooldownExpiresAt=expires_at_ms, cooldownRemainingMs=remaining_ms)


class ChatRequestFailed(SignalsError):
    """Busy, away, hidden, excluded or blocked: one sentence for all, so that none can be told from another."""

    code = "chat_request_failed"
    sentence = "This person can't be asked right now."


class ChatAcceptFailed(SignalsError):
    code = "chat_accept_failed"
    sentence = "This request is no longer open."


class ChatDeclineFailed(SignalsError):
    code = "chat_decline_failed"
    sentence = "This request is no longer open."


class ChatMessageFailed(SignalsError):
    code = "chat_message_failed"
    sentence = "The other person is not connected right now. Your message was not delivered."


class NoActiveChat(SignalsError):
    code = "no_active_chat"
    sentence = "You are not in a chat."


class ValidationFailed(SignalsError):
    code = "VALIDATION_ERROR"
    sentence = "The request does not have the right form."


class Unauthorized(SignalsError):
    code = "UNAUTHORIZED"
    status = 401
    sentence = "A valid session token is needed."


class PayloadTooLarge(SignalsError):
    code = "PAYLOAD_TOO_LARGE"
    status = 413
    sentence = "A body may hold at most 16 KiB."


class BlockFailed(SignalsError):
    code = "BLOCK_FAILED"
    sentence = "This person can't be blocked."


class ReportFailed(SignalsError):
    code = "REPORT_FAILED"
    sentence = "This person can't be reported."


class MissingToken(SignalsError):
    code = "missing_token"
    sentence = "A token is needed to connect."


class InvalidToken(SignalsError):
    code = "invalid_token"
    sentence = "This token is not valid."


class TokenExpired(SignalsError):
    code = "token_expired"
    sentence = "This session is over."


class SessionNotFound(SignalsError):
    code = "session_not_found"
    sentence = "This session is over."


class ConnectionLimitExceeded(SignalsError):
    code = "connection_limit_exceeded"
    sentence = "This session has too many connections open."
