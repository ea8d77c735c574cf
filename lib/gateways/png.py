"""A text chunk in and out of a PNG, without touching a pixel: pictures keep their passport wherever they go.

Not an image library: the dashboard process needs none for this.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(SIGNATURE) + 8 + 13 + 4  # IHDR is always the first chunk, with 13 bytes


def is_png(picture: bytes) -> bool:
    return picture.startswith(SIGNATURE) and picture[12:16] == b"IHDR"


def with_text(png: bytes, keyword: str, text: str) -> bytes:
    """The same picture with a tEXt chunk right behind its header. `text` must be ASCII."""
    body = b"tEXt" + keyword.encode("latin-1") + b"\0" + text.encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEADER_END] + chunk + png[_HEADER_END:]


def text_of(png: bytes, keyword: str) -> str | None:
    """The text of the first tEXt chunk with this keyword."""
    for kind, body in _chunks(png):
        name, _, text = body.partition(b"\0")
        if kind == b"tEXt" and name == keyword.encode("latin-1"):
            return text.decode("latin-1")
    return None


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 8 <= len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12
