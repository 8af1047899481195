"""Every content encoding of SDKs, and bombs in each."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.envelope import Malformed, TooLarge
from monitoring.errors.unpack import unpack


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


PACK: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
]


@pytest.mark.parametrize(("encoding", "pack"), PACK)
@given(data=st.binary(max_size=2000))
def test_what_was_packed_comes_out_again(encoding: str, pack: Callable[[bytes], bytes], data: bytes) -> None:
    assert unpack(pack(data), encoding) == data


@pytest.mark.parametrize("encoding", ["", "identity", "UTF-8", " utf-8 "])
def test_no_encoding_and_a_charset_mean_the_same(encoding: str) -> None:
    assert unpack(b"as it is", encoding) == b"as it is"


def test_the_name_of_an_encoding_may_be_written_large() -> None:
    assert unpack(gzip.compress(b"x"), "GZIP") == b"x"


def test_gzip_may_come_in_several_members() -> None:
    assert unpack(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip") == b"one two"


@pytest.mark.parametrize(("encoding", "pack"), PACK)
def test_a_bomb_is_refused_and_never_stands_in_memory(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(30 * 1024 * 1024))
    assert len(bomb) < 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpack(bomb, encoding, limit=2_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24_000_000


def test_a_zstd_frame_that_says_no_size_is_no_way_around_the_limit() -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(40 * 1024 * 1024))
    with pytest.raises(TooLarge):
        unpack(bomb, "zstd", limit=2_000_000)


@pytest.mark.parametrize(("encoding", "pack"), PACK)
def test_exactly_the_limit_is_allowed_and_one_more_is_not(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert len(unpack(pack(b"a" * 5000), encoding, limit=5000)) == 5000
    with pytest.raises(TooLarge):
        unpack(pack(b"a" * 5001), encoding, limit=5000)


@pytest.mark.parametrize(("encoding", "pack"), PACK)
def test_a_body_cut_short_is_malformed(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(bytes(range(256)) * 40)
    with pytest.raises(Malformed):
        unpack(whole[: len(whole) // 2], encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "compress"])
def test_what_is_not_packed_so_is_malformed(encoding: str) -> None:
    with pytest.raises(Malformed):
        unpack(b"this is not packed at all, whatever it says", encoding)


@pytest.mark.parametrize(("encoding", "pack"), PACK[1:])
def test_what_follows_is_malformed(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        unpack(pack(b"x" * 100) + b"tail tail tail", encoding)
