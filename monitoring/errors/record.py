"""What stands in the spool: one record for each envelope, already cleaned, with its payloads compressed."""

from __future__ import annotations

import threading
from typing import Final

import msgspec
import zstandard

_ENCODER: Final = msgspec.msgpack.Encoder()
_LEVEL: Final = 1
_UNPACKED_MAX: Final = 4 * 1024 * 1024


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """One item: its kind, the id that makes it unique in its project, and its JSON."""

    kind: str
    key: str
    data: bytes
    level: str = ""


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """So many were turned away for one reason; project 0 is nobody's."""

    project_id: int
    reason: str
    count: int


class Record(msgspec.Struct, array_like=True, frozen=True):
    project_id: int
    received_at: float  # seconds since 1970, by our clock
    skew_s: float = 0.0  # how far the sender's clock is behind ours
    pieces: tuple[Piece, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    version: int = 1


_DECODER: Final = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    return _ENCODER.encode(record)


def decode(data: bytes) -> Record:
    """Raises msgspec.DecodeError."""
    return _DECODER.decode(data)


class _Zstd(threading.local):
    """A compressor for each thread: making one costs as much as using it, and none may be used by two at once."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd: Final = _Zstd()


def squeeze(data: bytes) -> bytes:
    return _zstd.compress(data)


def expand(data: bytes) -> bytes:
    """Raises zstandard.ZstdError."""
    return _zstd.decompress(data, max_output_size=_UNPACKED_MAX)
