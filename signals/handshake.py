"""Before a socket is open: from which page it comes, and which token it brings."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from signals import tokens
from signals.errors import InvalidToken, MissingToken

SUBPROTOCOL: Final = "icebreaker.v1"
_USUAL_PORT: Final = {"http": "80", "https": "443"}
Scope = dict[str, Any]


class Offer(NamedTuple):
    """The token that a client brought, and the subprotocol to answer with."""

    token: str
    subprotocol: str | None


def welcome(scope: Scope) -> bool:
    """Whether the page that opens this socket is ours; a client that is no page sends no Origin and is welcome."""
    origins = _header(scope, b"origin")
    return not origins or (len(origins) == 1 and _is_ours(origins[0], scope))


def _is_ours(text: str, scope: Scope) -> bool:
    try:
        origin = urlsplit(text.lower())
        port = str(origin.port or _USUAL_PORT.get(origin.scheme))
    except ValueError:
        return False
    if origin.scheme not in _USUAL_PORT or not origin.hostname or origin.path or origin.query or origin.fragment:
        return False
    ours = urlsplit(settings.PUBLIC_URL.lower())
    if (origin.scheme, origin.netloc) == (ours.scheme, ours.netloc):
        return True
    hosts = _header(scope, b"host")
    domain, host_port = split_domain_port(hosts[0].lower() if len(hosts) == 1 else "")
    hostname = f"[{origin.hostname}]" if ":" in origin.hostname else origin.hostname
    same = (hostname, port) == (domain, host_port or _USUAL_PORT[origin.scheme])
    return same and validate_host(domain, settings.ALLOWED_HOSTS)


def offer(scope: Scope) -> Offer:
    """The token from the subprotocol pair, or else from the query."""
    offered = list(scope.get("subprotocols") or ())
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    if subprotocol:
        rest = [word for word in offered if word != SUBPROTOCOL]
        if rest:
            return Offer(rest[0], subprotocol)
    query = scope.get("query_string") or b""
    try:
        given = parse_qs(query.decode("ascii"), max_num_fields=16).get("token", [""])
    except ValueError:
        given = [""]
    return Offer(given[0], subprotocol)


def forget(scope: Scope) -> None:
    """Let go of what only the handshake needs: the server keeps the scope for as long as the socket is open."""
    scope["headers"].clear()
    scope["query_string"] = b""


def session_of(token: str) -> str:
    """The session that may enter. Raises MissingToken or InvalidToken."""
    if not token:
        raise MissingToken
    session_id = tokens.session_of(token)
    if session_id is None:
        raise InvalidToken
    return session_id


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == name]
