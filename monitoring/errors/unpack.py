"""Compressed bodies, undone piece by piece so that no bomb ever stands in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard

from monitoring.errors.envelope import ENVELOPE_MAX_BYTES, Malformed, TooLarge

_SLICE: Final = 64  # bytes of zstd at once: each four of them can stand for 128 KiB
_ZSTD_WINDOW: Final = 8 * 1024 * 1024
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def unpack(body: bytes, encoding: str, limit: int = ENVELOPE_MAX_BYTES) -> bytes:
    """`body` without its Content-Encoding. Raises TooLarge as soon as the result is over `limit`, or Malformed."""
    undo = _UNDO.get(encoding.strip().lower())
    if undo is None:
        raise Malformed("this content encoding is not known")
    try:
        return undo(body, limit)
    except (zlib.error, brotli.error, zstandard.ZstdError):
        raise Malformed("the body does not have its content encoding") from None


def _identity(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLarge("the envelope is larger than it may be")
    return body


def _zlib(body: bytes, limit: int, bits: int) -> bytes:
    """gzip and deflate; a gzip body may have several members, one after the other."""
    found = b""
    while True:
        undo = zlib.decompressobj(bits)
        found += undo.decompress(body, limit + 1 - len(found))
        if len(found) > limit:
            raise TooLarge("the envelope is larger than it may be")
        if not undo.eof:
            raise Malformed("the compressed body ends too early")
        body = undo.unused_data
        if not body:
            return found
        if bits != _GZIP:
            raise Malformed("something follows the compressed body")


_GZIP: Final = 16 + zlib.MAX_WBITS


def _deflate(body: bytes, limit: int) -> bytes:
    """Wrapped by zlib, as the standard says, or raw, as some clients do."""
    try:
        return _zlib(body, limit, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(body, limit, -zlib.MAX_WBITS)


def _brotli(body: bytes, limit: int) -> bytes:
    undo = brotli.Decompressor()
    found = undo.process(body, output_buffer_limit=limit + 1)
    parts, size = [found], len(found)
    while not undo.is_finished() and size <= limit:
        more = undo.process(b"", output_buffer_limit=limit + 1 - size)
        if not more:
            raise Malformed("the compressed body ends too early")
        parts.append(more)
        size += len(more)
    if size > limit:
        raise TooLarge("the envelope is larger than it may be")
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    undo = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    parts, size = [], 0
    for at in range(0, len(body), _SLICE):
        part = undo.decompress(body[at : at + _SLICE])
        parts.append(part)
        size += len(part)
        if size > limit:
            raise TooLarge("the envelope is larger than it may be")
        if undo.eof:
            if undo.unused_data or at + _SLICE < len(body):
                raise Malformed("something follows the compressed body")
            break
    if not undo.eof:
        raise Malformed("the compressed body ends too early")
    return b"".join(parts)


_UNDO: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "": _identity,
    "identity": _identity,
    "utf-8": _identity,  # some SDKs say the charset here
    "gzip": lambda body, limit: _zlib(body, limit, _GZIP),
    "x-gzip": lambda body, limit: _zlib(body, limit, _GZIP),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
