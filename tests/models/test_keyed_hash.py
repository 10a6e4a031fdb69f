"""Keyed hashes of many texts: those of hashlib, whatever the texts."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.keyed_hash import hash_each, keyed_hash

SECRET = bytes(range(32))
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=140), min_size=1, max_size=40)


def by_hashlib(text: str, secret: bytes) -> int:
    digest = hashlib.blake2b(text.encode(), key=secret, digest_size=8).digest()
    return int.from_bytes(digest, "little")


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.binary(min_size=1, max_size=64))
def test_texts_of_any_length_and_letters_get_the_digest_of_hashlib(
    texts: list[str], secret: bytes
) -> None:
    found = keyed_hash(pa.array(texts, pa.large_string()), secret)
    assert found.tolist() == [by_hashlib(text, secret) for text in texts]
    assert hash_each(texts, secret).tolist() == found.tolist()


@pytest.mark.parametrize("rows", [8_191, 8_192, 20_001])
def test_blocks_of_texts_join_without_a_seam(rows: int) -> None:
    texts = [f"decision-{row}" for row in range(rows)]
    found = keyed_hash(pa.array(texts, pa.large_string()), SECRET)
    assert found.tolist() == [by_hashlib(text, SECRET) for text in texts]


def test_a_slice_of_an_array_is_hashed_as_its_own_texts() -> None:
    texts = pa.array([f"d-{row}" for row in range(100)], pa.large_string())
    assert (
        keyed_hash(texts.slice(40, 7), SECRET).tolist() == keyed_hash(texts, SECRET)[40:47].tolist()
    )


def test_no_text_has_no_hash() -> None:
    assert keyed_hash(pa.array([], pa.large_string()), SECRET).tolist() == []
