from __future__ import annotations

import pytest

from features.home import Home, rotate_sampling_key
from features.store import open_store
from secondlook import main
from serving.sampling_keys import key_ring, review_ring


def test_the_command_rotates_and_keeps_the_key_that_was(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before = home.secrets()
    with pytest.raises(SystemExit) as ended:
        main(["key", "rotate-sampling", "--home", str(home.path)])
    assert ended.value.code == 0
    after = home.secrets()
    said = capsys.readouterr().out
    assert after.key_id in said
    assert after.retired == {before.key_id: before.sampling}
    assert after.sampling.hex() not in said
    assert after.pseudonyms == before.pseudonyms


def test_every_retired_key_draws_for_its_own_decisions(home: Home) -> None:
    first = key_ring(home.secrets()).numbers(["d-1"])
    names = [home.secrets().key_id, *(rotate_sampling_key(home) for _ in range(2))]
    ring = key_ring(home.secrets())
    assert ring.current.key_id == names[-1]
    assert [ring.holds(name) for name in (*names, "k-none")] == [True, True, True, False]
    assert ring.retired[names[0]].numbers(["d-1"]) == first


def test_reviews_have_numbers_of_their_own(home: Home) -> None:
    secrets, store = home.secrets(), open_store(home.store_url())
    reviews = review_ring(secrets, ["d-1"], store).numbers(["d-1"])
    assert reviews != key_ring(secrets).numbers(["d-1"])
