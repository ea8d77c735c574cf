"""Series of Cloud Monitoring: requests at the global endpoint by zone, and how busy the GPUs were.

They arrive minutes late (reference 8): good for charts, never for deciding. The prober sees a failover live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lib.gateways import connect
from lib.gateways.errors import NotFound
from lib.gateways.ingress import INGRESS
from lib.settings import Settings

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import MetricServiceClient

REQUESTS = "loadbalancing.googleapis.com/https/request_count"
LATENCIES = "loadbalancing.googleapis.com/https/total_latencies"
DUTY_CYCLE = "kubernetes.io/container/accelerator/duty_cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """`labels`: zone and response_code for requests; location, cluster and pod for GPUs. Oldest first."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


class MonitoringGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> MetricServiceClient:
        from google.cloud.monitoring_v3 import MetricServiceClient

        address = connect.endpoints(self._settings).monitoring
        return connect.grpc_client(self._settings, MetricServiceClient, address)

    def request_rates(self, *, minutes: int = 60, period_s: int = 60) -> tuple[Series, ...]:
        """Requests per second at the global endpoint, by zone and response code."""
        chosen = f'metric.type="{REQUESTS}" AND resource.type="https_lb_rule"'
        found = self._series(chosen, minutes, aligner="ALIGN_RATE", period_s=period_s)
        return tuple(
            _series(
                s,
                zone=s.resource.labels.get("backend_scope", ""),
                response_code=s.metric.labels.get("response_code", ""),
            )
            for s in found
            # by URL map: a request that found no backend has no backend service to be told by
            if s.resource.labels.get("url_map_name", INGRESS).endswith(INGRESS)
        )

    def latencies(self, *, minutes: int = 60, period_s: int = 60) -> tuple[Series, ...]:
        """Milliseconds that 95 of 100 requests at the global endpoint took at most, by zone."""
        chosen = (
            f'metric.type="{LATENCIES}" AND resource.type="https_lb_rule" '
            f'AND resource.labels.url_map_name=ends_with("{INGRESS}")'
        )
        found = self._series(
            chosen,
            minutes,
            aligner="ALIGN_DELTA",
            period_s=period_s,
            reducer="REDUCE_PERCENTILE_95",
            by=("resource.labels.backend_scope",),
        )
        return tuple(_series(s, zone=s.resource.labels.get("backend_scope", "")) for s in found)

    def duty_cycles(self, *, minutes: int = 60) -> tuple[Series, ...]:
        """Percent of time the GPU of each pod was busy."""
        found = self._series(f'metric.type="{DUTY_CYCLE}"', minutes, aligner="ALIGN_MEAN")
        return tuple(
            _series(
                s,
                location=s.resource.labels.get("location", ""),
                cluster=s.resource.labels.get("cluster_name", ""),
                pod=s.resource.labels.get("pod_name", ""),
            )
            for s in found
        )

    def _series(  # noqa: PLR0913 - a query has that many parts
        self,
        chosen: str,
        minutes: int,
        *,
        aligner: str,
        period_s: int = 60,
        reducer: str = "REDUCE_NONE",
        by: tuple[str, ...] = (),
    ) -> list[Any]:
        from google.cloud import monitoring_v3

        # Points are aligned to the end that is asked for: to a whole minute, or each look has other times and values.
        now = self._settings.now().replace(second=0, microsecond=0)
        request = monitoring_v3.ListTimeSeriesRequest(
            name=f"projects/{self._settings.project}",
            filter=chosen,
            interval=monitoring_v3.TimeInterval(start_time=now - timedelta(minutes=minutes), end_time=now),
            aggregation=monitoring_v3.Aggregation(
                alignment_period=timedelta(seconds=period_s),
                per_series_aligner=monitoring_v3.Aggregation.Aligner[aligner],
                cross_series_reducer=monitoring_v3.Aggregation.Reducer[reducer],
                group_by_fields=list(by),
            ),
        )
        try:
            with connect.google_errors("reading monitoring"):
                return list(
                    self._client.list_time_series(request=request, retry=None, timeout=connect.DEADLINE_S)
                )
        except NotFound:
            return []  # a metric exists only once a first point was written


def _series(found: Any, **labels: str) -> Series:
    points = [(_utc(p.interval.end_time), _value(p.value)) for p in found.points]
    return Series(labels=labels, points=tuple(reversed(points)))  # the API gives the newest first


def _value(value: Any) -> float:
    return float(value.double_value or value.int64_value)


def _utc(at: Any) -> datetime:
    return datetime.fromtimestamp(at.timestamp(), UTC)
