"""The sandbox's measurements run and measure, on a world so small that it costs seconds: a bench that is broken is
noticed here and not on the day its figures are wanted."""

from __future__ import annotations

from pathlib import Path

from tests.bench import sandbox_scale


def test_each_measurement_of_the_sandbox_finds_its_figures(tmp_path: Path) -> None:
    found = sandbox_scale.fleets(tmp_path, (1, 2), 2)
    found |= sandbox_scale.wire(tmp_path / "1", seconds=0.2)
    found |= sandbox_scale.process(tmp_path / "2", "sandbox_2_clusters", starts=1, rests_s=0, cpu_s=0.1)
    assert set(found) == {
        *(f"sandbox_{n}_clusters_{what}" for n in (1, 2) for what in ("tick_ms", "tick_cpu_ms")),
        "sandbox_tick_growth_1_to_2",
        "sandbox_list_objects_per_s",
        *(f"sandbox_watch_{n}_{what}_per_s" for n in (1, 10) for what in ("writes", "events")),
        *(f"sandbox_2_clusters_{what}" for what in ("start_s", "cpu_percent", "rss_mb")),
    }
    assert all(isinstance(value, (int, float)) and value >= 0 for value in found.values())
    assert found["sandbox_list_objects_per_s"]
    assert found["sandbox_watch_10_events_per_s"]
