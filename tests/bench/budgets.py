"""What each figure may be, as docs/architecture.md says in section 8, and the verdict on what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

AT_MOST: Mapping[str, float] = {
    "cold_start_to_live_map_s": 4.0,
    "click_to_screen_p95_ms": 300,
    "sessions_refresh_p95_ms": 400,
    "sessions_rss_mb": 250,
    "sessions_refresh_bytes": 10_000,
    "sessions_refresh_bytes_with_a_card": 10_000,
    "soak_dashboard_growth_mb": 10.0,  # flat, once it is warm
    "soak_controller_growth_mb": 10.0,
    "rss_total_mb": 500,
    "stock_out_to_decision_s": 2.0,
    "plan_43x12_median_ms": 5.0,
    "plan_1000_clusters_median_ms": 1000,
    "observe_43_median_s": 0.8,
    "cycle_1000_clusters_median_s": 10.0,
    "cycle_1000_clusters_rss_mb": 500,
    "cycle_cpu_growth_100_to_1000": 12.0,  # ten times the clusters: linear, and a little for the machine's caches
    "vip_10_p95_ms": 10,
}
AT_LEAST: Mapping[str, float] = {
    "kubectl_in_turn_to_observe": 10.0,
    "cycle_1000_clusters_answered": 1000,
    "vip_10_requests_per_s": 3000,
}


def verdicts(figures: Mapping[str, object]) -> Iterator[str]:
    """One line a budget whose figure was measured."""
    for name, value in figures.items():
        if isinstance(value, int | float) and name in (AT_MOST.keys() | AT_LEAST.keys()):
            most = name in AT_MOST
            limit = AT_MOST[name] if most else AT_LEAST[name]
            kept = value <= limit if most else value >= limit
            bound = "at most" if most else "at least"
            yield f"{name:34} {value:>9g}  {bound:8} {limit:>7g}  {'kept' if kept else 'MISSED'}"
