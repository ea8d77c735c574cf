"""What the bench calls growth of memory: a leak, and neither warming up nor noise."""

from __future__ import annotations

import pytest

from tests.bench.audience import growth


@pytest.mark.parametrize(
    ("sizes", "grew"),
    [
        pytest.param([150, 150, 150, 150, 150, 150], 0, id="flat"),
        pytest.param([80, 140, 150, 150, 150, 150], 0, id="warms up in the first third"),
        pytest.param([150, 151, 149, 150, 190, 149, 150, 151, 150], 0, id="one look in a bad moment"),
        pytest.param([150 + i for i in range(30)], 10, id="a leak of 1 MB a look"),
    ],
)
def test_a_leak_is_told_from_warming_up_and_noise(sizes: list[float], grew: float) -> None:
    assert growth(sizes) == pytest.approx(grew, abs=1)
