"""Charts: nothing is lost, nothing stands out of the frame."""

from hypothesis import given
from hypothesis import strategies as st

from tyrian.gateway.console.chart import MAX_SERIES, OTHERS, stacked
from tyrian.gateway.console.templates import number

TIMES = [i * 3_600 for i in range(24)]
VALUES = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(TIMES), st.integers(0, 10**12)),
    max_size=9,
)


@given(VALUES)
def test_bars_stay_in_the_frame_and_sum_up(values: dict[str, dict[int, int]]) -> None:
    chart = stacked(TIMES, values, step_s=3_600, words=number)
    assert len(chart.bars) == 24
    assert len(chart.series) <= MAX_SERIES
    assert chart.total == sum(sum(series.values()) for series in values.values())
    assert chart.is_empty is (chart.total == 0)
    for bar in chart.bars:
        assert all(s.y >= -0.01 and s.y + s.height <= 100.02 for s in bar.segments)
        assert all(1 <= s.series <= MAX_SERIES for s in bar.segments)


def test_small_series_are_taken_together() -> None:
    values = {f"m{i}": {0: 10 - i} for i in range(8)}
    chart = stacked(TIMES, values, step_s=3_600, words=number)
    assert chart.series == ("m0", "m1", "m2", "m3", OTHERS)
    assert "others 18" in chart.bars[0].title
