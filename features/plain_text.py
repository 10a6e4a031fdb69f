"""Whether a column of text is clean as it came, told from its bytes alone.

Most columns are, and to strip a million texts that need no stripping costs more than to read them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

_LAST_BLANK = 0x20
_FIRST_BEYOND_ASCII = 0x80


def is_clean(values: pd.Series) -> bool:
    r"""Whether no text is empty, holds a NUL, or may begin or end with a blank.

    A text that begins or ends beyond ASCII may do so with one of Unicode's blanks, so that its
    column is not called clean.

    Parameters
    ----------
    values
        Text of dtype ``str``; null is clean.

    Examples
    --------
    >>> is_clean(pd.Series(["spam", None, "not spam"], dtype="str"))
    True
    >>> [is_clean(pd.Series([text], dtype="str")) for text in (" a", "a\n", "", "\0", "é")]
    [False, False, False, False, False]
    """
    array = pa.array(values, pa.large_string())
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return all(map(_is_clean, chunks))


def _is_clean(chunk: pa.Array) -> bool:
    chunk = chunk.drop_null() if chunk.null_count else chunk
    _, offsets, content = chunk.buffers()
    if not len(chunk):
        return True
    ends = np.frombuffer(offsets, dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    if (ends[1:] == ends[:-1]).any():
        return False
    text = np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]]
    starts = ends[:-1] - ends[0]
    outer = np.concatenate([text[starts], text[ends[1:] - ends[0] - 1]])
    may_be_blank = (outer <= _LAST_BLANK) | (outer >= _FIRST_BEYOND_ASCII)
    return not may_be_blank.any() and bool(text.all())
