"""The circuit breaker, on a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.routing.breaker import MAX_OPEN_S, Breaker, Circuit, CircuitLimits


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(failures: int = 3, open_s: float = 10.0) -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(CircuitLimits(failures, open_s), clock)
    for _ in range(failures):
        assert breaker.begin()
        breaker.fail()
    return breaker, clock


def test_failures_in_a_row_open_the_circuit() -> None:
    breaker, _ = opened(3)
    assert breaker.state is Circuit.OPEN
    assert not breaker.begin()
    assert breaker.wait_s == 10.0


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(CircuitLimits(3, 10), Clock())
    for _ in range(10):
        breaker.fail()
        breaker.fail()
        breaker.succeed()
    assert breaker.state is Circuit.CLOSED


def test_half_open_lets_one_request_through_at_a_time() -> None:
    breaker, clock = opened()
    clock.now += 10
    assert breaker.state == "half-open"
    assert breaker.begin()
    assert not breaker.begin()
    breaker.succeed()
    assert breaker.state == "closed"
    assert breaker.begin()
    assert breaker.begin()


def test_a_probe_that_fails_doubles_the_rest_up_to_a_bound() -> None:
    breaker, clock = opened(open_s=10)
    rests = []
    for _ in range(6):
        clock.now += breaker.wait_s
        assert breaker.begin()
        breaker.fail()
        rests.append(breaker.wait_s)
    assert rests == [20, 40, 80, MAX_OPEN_S, MAX_OPEN_S, MAX_OPEN_S]


def test_a_probe_without_a_result_frees_the_place_for_another() -> None:
    breaker, clock = opened()
    clock.now += 10
    assert breaker.begin()
    breaker.release()
    assert breaker.state is Circuit.HALF_OPEN
    assert breaker.begin()


def test_a_good_health_check_ends_the_rest() -> None:
    breaker, _ = opened()
    breaker.rested()
    assert breaker.state is Circuit.HALF_OPEN


def test_zero_failures_never_open_it() -> None:
    breaker = Breaker(CircuitLimits(0, 10), Clock())
    for _ in range(100):
        breaker.fail()
    assert breaker.state is Circuit.CLOSED


@given(st.lists(st.sampled_from(["begin", "ok", "bad", "gone", "wait"]), max_size=60))
def test_whatever_happens_a_rest_ends_and_one_success_closes(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(CircuitLimits(2, 5), clock)
    for step in steps:
        match step:
            case "begin":
                breaker.begin()
            case "ok":
                breaker.succeed()
            case "bad":
                breaker.fail()
            case "gone":
                breaker.release()
            case "wait":
                clock.now += 3
    breaker.release()
    clock.now += MAX_OPEN_S
    assert breaker.begin()
    breaker.succeed()
    assert breaker.state is Circuit.CLOSED
