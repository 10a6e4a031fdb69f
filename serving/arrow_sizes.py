"""How large a message of an Arrow stream becomes, told before it is decoded.

A buffer of an Arrow stream may be compressed a thousandfold; the reader makes room for what the
sender declares. So the declared lengths are added up first. The layout is that of Apache Arrow's
``format/Message.fbs`` (columnar format 1.5), read as flatbuffers are: a table begins with the
distance to its list of fields, and that with its own length.
"""

from __future__ import annotations

import struct

_RECORD_BATCH = 3
_DICTIONARY_BATCH = 2


def decoded_size(metadata: bytes, body: memoryview) -> int:
    """Return the bytes that the body of a message takes once it is decoded.

    Parameters
    ----------
    metadata
        The message as a flatbuffer.
    body
        Its buffers. Each one that is compressed begins with its decoded length, -1 where it was
        left as it is.

    Raises
    ------
    ValueError
        If the message is malformed.
    """
    try:
        return _size(metadata, body)
    except (struct.error, IndexError) as error:
        raise ValueError("a message of the stream is malformed") from error


def _size(metadata: bytes, body: memoryview) -> int:
    message = _follow(metadata, 0)
    kind = _field(metadata, message, 1)
    header = _field(metadata, message, 2)
    if kind is None or header is None:
        return len(body)
    batch = _follow(metadata, header)
    if metadata[kind] == _DICTIONARY_BATCH:
        inner = _field(metadata, batch, 1)
        if inner is None:
            return len(body)
        batch = _follow(metadata, inner)
    elif metadata[kind] != _RECORD_BATCH:
        return len(body)
    if _field(metadata, batch, 3) is None:  # not compressed
        return len(body)
    buffers = _field(metadata, batch, 2)
    return sum(_lengths(metadata, _follow(metadata, buffers), body)) if buffers else 0


def _lengths(metadata: bytes, buffers: int, body: memoryview) -> list[int]:
    (count,) = struct.unpack_from("<I", metadata, buffers)
    found = []
    for number in range(count):
        offset, length = struct.unpack_from("<qq", metadata, buffers + 4 + 16 * number)
        if length < 8:
            continue
        (declared,) = struct.unpack_from("<q", body, offset)
        found.append(length if declared < 0 else declared)
    return found


def _follow(metadata: bytes, place: int) -> int:
    """Return where the offset at `place` leads."""
    (distance,) = struct.unpack_from("<I", metadata, place)
    return place + int(distance)


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table stands; null where it is left out."""
    (back,) = struct.unpack_from("<i", metadata, table)
    fields = table - back
    (length,) = struct.unpack_from("<H", metadata, fields)
    if 4 + 2 * number >= length:
        return None
    (offset,) = struct.unpack_from("<H", metadata, fields + 4 + 2 * number)
    return table + offset if offset else None
