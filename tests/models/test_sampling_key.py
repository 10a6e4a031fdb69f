import numpy as np
import pytest
from scipy.stats import kstest

from features.errors import SettingsError
from models.sampling_key import KeyRing, SamplingKey, uniform_numbers

KEY = SamplingKey("k1", bytes(32))
IDS = [f"decision-{i}" for i in range(20_000)]


def test_the_same_id_and_key_give_the_same_number_whatever_stands_beside_it() -> None:
    whole = uniform_numbers(IDS, KEY)
    backwards = uniform_numbers(IDS[::-1], KEY)[::-1]
    split = np.concatenate([uniform_numbers(IDS[:7], KEY), uniform_numbers(IDS[7:], KEY)])
    assert np.array_equal(whole, backwards)
    assert np.array_equal(whole, split)


def test_lists_fixed_width_text_and_objects_give_the_same_numbers() -> None:
    expected = uniform_numbers(IDS[:50], KEY)
    assert np.array_equal(uniform_numbers(np.array(IDS[:50]), KEY), expected)
    assert np.array_equal(uniform_numbers(np.array(IDS[:50], dtype=object), KEY), expected)


def test_numbers_are_uniform_and_strictly_inside_the_unit_interval() -> None:
    numbers = uniform_numbers(IDS, KEY)
    assert numbers.min() > 0.0
    assert numbers.max() < 1.0
    assert kstest(numbers, "uniform").pvalue > 1e-3


def test_another_secret_gives_unrelated_numbers() -> None:
    other = uniform_numbers(IDS, SamplingKey("k2", bytes([1] * 32)))
    assert abs(np.corrcoef(uniform_numbers(IDS, KEY), other)[0, 1]) < 0.03


def test_the_secret_does_not_show_in_the_representation() -> None:
    assert "hunter" not in repr(SamplingKey("k1", b"hunter2hunter2hunter2"))


@pytest.mark.parametrize("length", [0, 15, 65])
def test_a_secret_of_the_wrong_length_is_refused_with_the_mend(length: int) -> None:
    with pytest.raises(SettingsError, match=f"{length} bytes.*token_bytes"):
        SamplingKey("k1", bytes(length))


def test_text_beyond_ascii_has_a_number() -> None:
    assert 0 < uniform_numbers(["решение-1"], KEY)[0] < 1


def test_no_ids_give_no_numbers() -> None:
    assert len(uniform_numbers([], KEY)) == 0


def test_a_ring_draws_with_the_key_of_the_first_offer() -> None:
    old, new = KEY, SamplingKey("k2", bytes([1] * 32))
    ring = KeyRing(new, {"k1": old}, {IDS[0]: "k1", IDS[2]: "k1"})
    expected = [uniform_numbers([IDS[i]], key)[0] for i, key in enumerate((old, new, old))]
    assert ring.numbers(IDS[:3]).tolist() == expected
    assert ring.key_ids(IDS[:3]).tolist() == ["k1", "k2", "k1"]


def test_a_ring_never_draws_anew_for_a_key_that_is_gone() -> None:
    ring = KeyRing(KEY, {}, {IDS[0]: "k0"})
    assert not ring.holds("k0")
    with pytest.raises(SettingsError, match="'k0', which is not kept"):
        ring.numbers(IDS[:2])
