"""Small pictures on pages: made once, as small as they need to be, gone with the large ones, never a danger."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from media_made import ask, blob, send
from spanwise_server.thumbnail import thumbnail

NOISE = Image.effect_noise((1600, 900), 80)


def written(kind: str, picture: Image.Image = NOISE, **how) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


PICTURE = written("PNG", NOISE.convert("RGBA"), compress_level=1)
DIGEST = sha256(PICTURE).hexdigest()


def store_of(client):
    return client.app.state.server.store


def files(client) -> set[str]:
    return {file.name for file in Path(store_of(client).media.path).glob("*/*")}


def test_a_page_asks_for_the_small_picture_and_links_the_whole_one(client):
    send(client, ask(blob(PICTURE, "image/png")))
    page = client.get(f"/traces/{'4f' * 16}").text
    assert f'src="/api/v1/media/{DIGEST}/thumbnail?project=default"' in page
    assert f'href="/api/v1/media/{DIGEST}?project=default"' in page


def test_it_is_made_once_and_goes_with_the_whole_one(client):
    send(client, ask(blob(PICTURE, "image/png")))
    answers = [client.get(f"/api/v1/media/{DIGEST}/thumbnail") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(answers[0].content) < len(PICTURE) / 10
    assert answers[0].headers["content-type"] == "image/webp"
    assert "immutable" in answers[0].headers["cache-control"]
    assert Image.open(io.BytesIO(answers[0].content)).size == (640, 360)
    assert len(files(client)) == 2
    store = store_of(client)
    long_ago = time.time() - 10_000
    for file in Path(store.media.path).glob("*/*"):
        os.utime(file, (long_ago, long_ago))
    assert store.sweep_media() == 0, "both are wanted"
    assert len(files(client)) == 2
    store.delete_trace("default", "4f" * 16)
    assert store.sweep_media() == 1
    assert files(client) == set()


def test_a_small_picture_without_its_whole_one_is_swept(client):
    folder = Path(store_of(client).media.path) / "ab"
    folder.mkdir(parents=True)
    (folder / f"{'ab' * 32}.small").write_bytes(b"x")
    store_of(client).sweep_media(grace_s=-1)
    assert files(client) == set()


def test_another_project_does_not_see_it(client):
    send(client, ask(blob(PICTURE, "image/png")), project="one")
    assert client.get(f"/api/v1/media/{DIGEST}/thumbnail", params={"project": "one"}).status_code == 200
    assert client.get(f"/api/v1/media/{DIGEST}/thumbnail", params={"project": "two"}).status_code == 404


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_format_that_browsers_show_is_made_small(tmp_path, kind):
    file = tmp_path / "picture"
    file.write_bytes(written(kind))
    small = Image.open(io.BytesIO(thumbnail(file)))
    assert (small.format, small.size) == ("WEBP", (640, 360))


def test_a_photograph_stands_upright(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held on its side
    (tmp_path / "p").write_bytes(written("JPEG", exif=turned))
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "p"))).size == (270, 480)


def bomb(side: int) -> bytes:
    """Return a PNG of *side* by *side* pixels in a few bytes, padded to be worth a thumbnail."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x" * 50_000) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [bomb(7_000), bomb(60_000), PICTURE[: len(PICTURE) // 2], b"\x89PNG\r\n\x1a\n" + b"x" * 50_000, b"<svg>" * 10_000],
)  # fmt: skip
def test_what_is_too_large_or_damaged_is_sent_as_it_is(client, content):
    send(client, ask(blob(content, "image/png")))
    digest = sha256(content).hexdigest()
    if client.get(f"/api/v1/media/{digest}").status_code == 200:  # text is no media
        assert client.get(f"/api/v1/media/{digest}/thumbnail").content == content


def test_a_picture_of_too_many_pixels_is_never_decoded(tmp_path, monkeypatch):
    (tmp_path / "bomb").write_bytes(bomb(7_000))
    monkeypatch.setattr(ImageOps, "exif_transpose", lambda _: pytest.fail("it was opened"))
    assert thumbnail(tmp_path / "bomb") is None


def test_a_small_file_is_sent_as_it_is(tmp_path):
    (tmp_path / "small").write_bytes(written("PNG", NOISE.resize((50, 50))))
    assert thumbnail(tmp_path / "small") is None
