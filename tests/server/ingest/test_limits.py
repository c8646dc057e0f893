"""Packed bodies: every encoding, and no bomb takes more memory than the limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
import zstandard

from spanwise_server.errors import SpanwiseError, TooLarge, UnsupportedMedia
from spanwise_server.ingest.limits import unpacked

TEXT = b"spans " * 1_000
MOST = 100_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def zstd_stream(body: bytes) -> bytes:
    """Pack as a sender that does not know the length beforehand."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(body) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without a header": raw_deflate,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd of unknown length": zstd_stream,
    "": bytes,
    "identity": bytes,
}


@pytest.mark.parametrize("name", PACKERS)
def test_a_packed_body_is_unpacked(name):
    assert unpacked(PACKERS[name](TEXT), name.partition(" ")[0], MOST) == TEXT


def test_members_in_a_row_are_one_body():
    assert unpacked(gzip.compress(TEXT) + gzip.compress(TEXT), "gzip", MOST) == TEXT * 2
    pack = zstandard.ZstdCompressor().compress
    assert unpacked(pack(TEXT) + pack(TEXT), "zstd", MOST) == TEXT * 2


def test_encodings_come_off_in_reverse():
    assert unpacked(zlib.compress(gzip.compress(TEXT)), "gzip, deflate", MOST) == TEXT
    assert unpacked(zlib.compress(gzip.compress(TEXT)), "X-GZIP,deflate", MOST) == TEXT


@pytest.mark.parametrize("name", ["gzip", "deflate", "deflate without a header", "zstd", "zstd of unknown length"])
def test_a_bomb_is_refused_before_it_goes_off(name):
    bomb = PACKERS[name](bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(TooLarge, match="unpacked"):
        unpacked(bomb, name.partition(" ")[0], 2_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_exactly_the_limit_is_let_in():
    for name, pack in PACKERS.items():
        assert len(unpacked(pack(bytes(MOST)), name.partition(" ")[0], MOST)) == MOST
        with pytest.raises(TooLarge):
            unpacked(pack(bytes(MOST + 1)), name.partition(" ")[0], MOST)


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("body", [b"nonsense", b"\x00" * 50])
def test_what_is_not_packed_so_is_refused(name, body):
    with pytest.raises(SpanwiseError, match="Content-Encoding") as refusal:
        unpacked(body, name, MOST)
    assert refusal.value.status == 400


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_body_cut_off_is_refused(name):
    with pytest.raises(SpanwiseError, match="Content-Encoding"):
        unpacked(PACKERS[name](bytes(range(256)) * 50)[:-20], name, MOST)


def test_an_encoding_nobody_knows_is_refused():
    with pytest.raises(UnsupportedMedia):
        unpacked(b"", "br", MOST)
