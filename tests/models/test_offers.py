import numpy as np
import pytest

from models.offers import QueueDraw, Window, largest_chance, window_chance
from models.plan import bonus, fit_plan
from models.sampling_key import uniform_numbers
from models.threshold import inclusion_probability
from tests.models.drawing import key_of, make_population, z_score

ROWS, DRAWS, EACH = 600, 10, 4
POPULATION = make_population(ROWS, seed=2)
RISK = POPULATION.risk
PLAN = fit_plan(RISK, capacity=DRAWS * EACH, key_id="k")
PRICE = bonus(PLAN, RISK.overturn_probability, RISK.stratum)
FIRST = np.arange(ROWS) % DRAWS
LAST = np.minimum(FIRST + 3, DRAWS - 1)


def run_queue(number: int, *, anew: bool = False) -> tuple[Window, list[QueueDraw], np.ndarray]:
    """A rolling queue; also the chance "at the moment of taking"."""
    uniform = uniform_numbers(RISK.decision_ids, key_of(number))
    taken, at_taking, log = np.full(ROWS, -1), np.ones(ROWS), []
    for draw in range(DRAWS):
        if anew:
            uniform = uniform_numbers(RISK.decision_ids, key_of(10**6 + DRAWS * number + draw))
        priority = RISK.expected_harm + PRICE / uniform**2
        queue = np.flatnonzero((taken < 0) & (draw >= FIRST) & (draw <= LAST))
        queue = queue[np.argsort(-priority[queue])]
        now, left_out = queue[:EACH], int(queue[EACH])
        log.append(QueueDraw(float(priority[now[-1]]), float(priority[left_out]), left_out))
        taken[now] = draw
        at_taking[now] = inclusion_probability(
            RISK.expected_harm[now], PRICE[now], float(priority[left_out])
        )
    return Window(FIRST, LAST, taken), log, at_taking


def test_the_chance_is_what_removing_the_decision_shows() -> None:
    """Replay the queue without one decision: its least sufficient priority is then plain to see."""
    window, log, _ = run_queue(0)
    chance = window_chance(RISK.expected_harm, PRICE, draws=log, window=window)
    priority = RISK.expected_harm + PRICE / uniform_numbers(RISK.decision_ids, key_of(0)) ** 2
    for absent in [*np.flatnonzero(window.taken >= 0)[:15], *range(15)]:
        taken = np.zeros(ROWS, dtype=np.bool_)
        taken[absent] = True
        needed = np.inf
        for draw in range(DRAWS):
            queue = np.flatnonzero(~taken & (draw >= FIRST) & (draw <= LAST))
            now = queue[np.argsort(-priority[queue])][:EACH]
            taken[now] = True
            if FIRST[absent] <= draw <= LAST[absent]:
                needed = min(needed, priority[now[-1]])
        expected = inclusion_probability(RISK.expected_harm[[absent]], PRICE[[absent]], needed)[0]
        assert chance[absent] == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_totals_over_the_window_are_unbiased() -> None:
    sums = []
    for number in range(1_500):
        window, log, _ = run_queue(number)
        taken = window.taken >= 0
        pi = window_chance(RISK.expected_harm, PRICE, draws=log, window=window)[taken]
        sums.append([np.sum(POPULATION.wrong[taken] / pi), np.sum(1 / pi)])
    found = np.array(sums)
    assert abs(z_score(found[:, 0], POPULATION.wrong.sum())) < 4
    assert abs(z_score(found[:, 1], ROWS)) < 4


def test_the_chance_at_the_moment_of_taking_is_biased() -> None:
    """Negative control."""
    sums = []
    for number in range(300):
        window, _, at_taking = run_queue(number)
        sums.append(np.sum(1 / at_taking[window.taken >= 0]))
    assert np.mean(sums) / ROWS - 1 > 0.05
    assert z_score(np.array(sums), ROWS) > 4


def test_a_number_drawn_anew_at_each_offer_is_biased() -> None:
    """Negative control."""
    sums = []
    for number in range(60):
        window, _, at_taking = run_queue(number, anew=True)
        sums.append(np.sum(1 / at_taking[window.taken >= 0]))
    assert np.mean(sums) / ROWS - 1 > 0.5


def test_a_queue_that_runs_empty_gives_everyone_a_chance_of_one() -> None:
    window = Window(np.zeros(2, dtype=int), np.zeros(2, dtype=int), np.zeros(2, dtype=int))
    chance = window_chance(
        np.array([0.1, 0.2]), np.array([0.1, 0.1]), draws=[QueueDraw(0.0, 0.0, -1)], window=window
    )
    assert chance.tolist() == [1.0, 1.0]


def test_the_largest_chance_over_offers_counts() -> None:
    ids, chance = largest_chance(np.array(["x", "y", "x"]), np.array([0.5, 0.2, 0.1]))
    assert dict(zip(ids, chance, strict=True)) == {"x": 0.5, "y": 0.2}
