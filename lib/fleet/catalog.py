"""What is known of Google Cloud's regions, GPUs, machines and prices before anything is observed.

Where a GPU is offered and what quota there is come from observation (`RegionCapacity`), never from here. This
is not a price list to bill by: figures are USD per hour of a whole machine in us-central1 (GPU plus host),
times a factor for the region. Sources: Google's price pages by way of two public catalogues, read in 2026-08.

Unverified, to be corrected by whoever knows better: the host share of g2-standard-8 and n1-standard-8, every
price of V100, K80, H100 Mega, H200, B200, GB200, GB300 and RTX PRO 6000 machines, the H100 Spot host share, and
all region factors but those of L4 in europe-west4, us-west4, asia-southeast1 and me-central2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from lib.fleet.model import Provisioning

CLUSTER_FEE_USD_PER_HOUR = 0.10
WORKLOAD_VCPUS = 3.5
WORKLOAD_MEMORY_GIB = 14.0
GLOBAL_QUOTA_METRIC = "GPUS_ALL_REGIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPlace:
    name: str
    place: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """A GPU type on the smallest machine that fits the workload. vcpus and memory_gib are what pods may
    request there (allocatable: the machine less the system's reserve), not the machine's face value."""

    name: str
    title: str
    vram_gb: int
    machine_type: str
    vcpus: float
    memory_gib: float
    autopilot: bool
    quota_metric: str  # "" when regions.get has none (read through Cloud Quotas)
    spot_quota_metric: str
    usd_per_hour: float
    spot_usd_per_hour: float
    prior: float  # chance to obtain one on demand in a region with three zones, before any own attempt
    gpus: int = 1  # GPUs of the smallest machine that is sold; the workload asks for one

    def metric(self, provisioning: Provisioning) -> str:
        return self.spot_quota_metric if provisioning is Provisioning.SPOT else self.quota_metric

    @property
    def fits(self) -> bool:
        """A pod with one GPU and the workload's requests is admitted by Autopilot and fits the machine."""
        return (
            self.autopilot
            and self.gpus == 1
            and self.vcpus >= WORKLOAD_VCPUS
            and self.memory_gib >= WORKLOAD_MEMORY_GIB
        )


def _regions() -> dict[str, RegionPlace]:
    return {
        name: RegionPlace(name=name, place=place, lat=lat, lon=lon)
        for name, place, lat, lon in (
            ("africa-south1", "Johannesburg", -26.2056, 28.0337),
            ("asia-east1", "Taiwan", 23.6978, 120.9605),
            ("asia-east2", "Hong Kong", 22.3964, 114.1095),
            ("asia-northeast1", "Tokyo", 35.6762, 139.6503),
            ("asia-northeast2", "Osaka", 34.6937, 135.5023),
            ("asia-northeast3", "Seoul", 37.5665, 126.9780),
            ("asia-south1", "Mumbai", 19.0760, 72.8777),
            ("asia-south2", "Delhi", 28.7041, 77.1025),
            ("asia-southeast1", "Singapore", 1.3521, 103.8198),
            ("asia-southeast2", "Jakarta", -6.2088, 106.8456),
            ("asia-southeast3", "Bangkok", 13.7563, 100.5018),
            ("australia-southeast1", "Sydney", -33.8688, 151.2093),
            ("australia-southeast2", "Melbourne", -37.8136, 144.9631),
            ("europe-central2", "Warsaw", 52.2297, 21.0122),
            ("europe-north1", "Hamina, Finland", 60.5693, 27.1878),
            ("europe-north2", "Stockholm", 59.3293, 18.0686),
            ("europe-southwest1", "Madrid", 40.4167, -3.7025),
            ("europe-west1", "Belgium", 50.5039, 4.4699),
            ("europe-west2", "London", 51.5074, -0.1278),
            ("europe-west3", "Frankfurt", 50.1109, 8.6821),
            ("europe-west4", "Netherlands", 52.1326, 5.2913),
            ("europe-west6", "Zurich", 47.3769, 8.5417),
            ("europe-west8", "Milan", 45.4669, 9.1900),
            ("europe-west9", "Paris", 48.8566, 2.3522),
            ("europe-west10", "Berlin", 52.5200, 13.4050),
            ("europe-west12", "Turin", 45.0703, 7.6869),
            ("me-central1", "Doha", 25.2854, 51.5310),
            ("me-central2", "Dammam", 26.4207, 50.0888),
            ("me-west1", "Tel Aviv", 32.0853, 34.7818),
            ("northamerica-northeast1", "Montréal", 45.5017, -73.5673),
            ("northamerica-northeast2", "Toronto", 43.7417, -79.3733),
            ("northamerica-south1", "Querétaro, Mexico", 20.5888, -100.3899),
            ("southamerica-east1", "São Paulo", -23.5505, -46.6333),
            ("southamerica-west1", "Santiago", -33.4500, -70.6667),
            ("us-central1", "Iowa", 41.8780, -93.0977),
            ("us-east1", "South Carolina", 33.8361, -81.1637),
            ("us-east4", "Northern Virginia", 38.8334, -77.2365),
            ("us-east5", "Columbus, Ohio", 39.9622, -83.0006),
            ("us-south1", "Dallas", 32.7792, -96.8089),
            ("us-west1", "Oregon", 43.8041, -120.5542),
            ("us-west2", "Los Angeles", 34.0522, -118.2437),
            ("us-west3", "Salt Lake City", 40.7608, -111.8910),
            ("us-west4", "Las Vegas", 36.1699, -115.1398),
        )
    }


REGIONS: dict[str, RegionPlace] = _regions()

_Row = tuple[str, str, int, str, float, float, bool, str, float, float, float, int]


def _accelerator(row: _Row) -> Accelerator:
    name, title, vram, machine, vcpus, memory, autopilot, family, usd, spot, prior, gpus = row
    regional = bool(family) and not family.endswith("*")
    return Accelerator(
        name=name,
        title=title,
        vram_gb=vram,
        machine_type=machine,
        vcpus=vcpus,
        memory_gib=memory,
        autopilot=autopilot,
        quota_metric=f"NVIDIA_{family}_GPUS" if regional else "",
        spot_quota_metric=f"PREEMPTIBLE_NVIDIA_{family.rstrip('*')}_GPUS" if family else "",
        usd_per_hour=usd,
        spot_usd_per_hour=spot,
        prior=prior,
        gpus=gpus,
    )


# A family marked "*" has a regional metric for Spot only; an empty one has none at all.
_ROWS: tuple[_Row, ...] = (
    ("nvidia-l4", "NVIDIA L4", 24, "g2-standard-8", 7.9, 27.6, True, "L4", 0.8536, 0.34, 0.80, 1),
    ("nvidia-tesla-t4", "NVIDIA T4", 16, "n1-standard-8", 7.9, 26.6, True, "T4", 0.73, 0.255, 0.85, 1),
    ("nvidia-tesla-a100", "NVIDIA A100 40GB", 40, "a2-highgpu-1g", 11.0, 74.0, True, "A100", 3.67339, 1.80385, 0.35, 1),
    ("nvidia-a100-80gb", "NVIDIA A100 80GB", 80, "a2-ultragpu-1g", 11.0, 148.0, True, "A100_80GB", 5.0276, 2.5138, 0.3, 1),
    ("nvidia-h100-80gb", "NVIDIA H100 80GB", 80, "a3-highgpu-1g", 25.0, 220.0, True, "H100*", 10.97906, 3.3474, 0.08, 1),
    ("nvidia-rtx-pro-6000", "NVIDIA RTX PRO 6000", 96, "g4-standard-48", 47.0, 167.0, True, "", 4.50, 2.25, 0.30, 1),
    ("nvidia-h100-mega-80gb", "NVIDIA H100 Mega 80GB", 80, "a3-megagpu-8g", 206.0, 1795.0, True, "", 92.21, 34.74, 0.04, 8),
    ("nvidia-h200-141gb", "NVIDIA H200", 141, "a3-ultragpu-8g", 222.0, 2800.0, True, "", 84.81, 42.40, 0.03, 8),
    ("nvidia-b200", "NVIDIA B200", 180, "a4-highgpu-8g", 222.0, 3800.0, True, "", 101.27, 37.60, 0.02, 8),
    ("nvidia-gb200", "NVIDIA GB200", 186, "a4x-highgpu-4g", 138.0, 850.0, False, "", 60.00, 30.00, 0.01, 4),
    ("nvidia-gb300", "NVIDIA GB300", 279, "a4x-maxgpu-4g-metal", 142.0, 900.0, False, "", 72.00, 36.00, 0.01, 4),
    ("nvidia-tesla-v100", "NVIDIA V100", 16, "n1-standard-8", 7.9, 26.6, False, "V100", 2.86, 0.82, 0.30, 1),
    ("nvidia-tesla-p100", "NVIDIA P100", 16, "n1-standard-8", 7.9, 26.6, False, "P100", 1.84, 0.78, 0.50, 1),
    ("nvidia-tesla-p4", "NVIDIA P4", 8, "n1-standard-8", 7.9, 26.6, False, "P4", 0.98, 0.30, 0.60, 1),
    ("nvidia-tesla-k80", "NVIDIA K80", 12, "n1-standard-8", 7.9, 26.6, False, "K80", 0.83, 0.12, 0.05, 1),
)  # fmt: skip

ACCELERATORS: dict[str, Accelerator] = {row[0]: _accelerator(row) for row in _ROWS}
AUTOPILOT: tuple[str, ...] = tuple(a.name for a in ACCELERATORS.values() if a.autopilot)

_FACTORS_BY_PREFIX: tuple[tuple[str, float], ...] = (
    ("us-", 1.0),
    ("northamerica-northeast", 1.08),
    ("northamerica-south", 1.15),
    ("europe-", 1.08),
    ("asia-", 1.18),
    ("australia-", 1.25),
    ("me-", 1.20),
    ("africa-", 1.25),
    ("southamerica-", 1.45),
)
_FACTORS: dict[str, float] = {
    "europe-west1": 1.05,
    "europe-west4": 1.05,
    "us-west4": 1.126,
    "asia-southeast1": 1.234,
    "me-central2": 1.60,
    "us-west2": 1.15,
    "us-west3": 1.15,
}


@cache
def factor(region: str) -> float:
    """What a machine costs in a region compared to us-central1."""
    if region in _FACTORS:
        return _FACTORS[region]
    return next((f for prefix, f in _FACTORS_BY_PREFIX if region.startswith(prefix)), 1.2)


def usd_per_hour(accelerator: str, provisioning: Provisioning, region: str) -> float | None:
    """One GPU machine, without the cluster fee. None: not in the catalogue, so never assumed to be free."""
    known = ACCELERATORS.get(accelerator)
    if known is None:
        return None
    base = known.spot_usd_per_hour if provisioning is Provisioning.SPOT else known.usd_per_hour
    return round(base * factor(region), 4)


def title(accelerator: str) -> str:
    """The name people use; the given one when it is not in the catalogue."""
    known = ACCELERATORS.get(accelerator)
    return known.title if known else accelerator


def short(accelerator: str) -> str:
    return title(accelerator).removeprefix("NVIDIA ")


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three right names for a wrong one, best first: those that contain it, those that end alike, those
    that look alike."""
    asked, known = name.strip().lower(), list(names)
    alike = difflib.get_close_matches(asked, known, n=6, cutoff=0.5)
    containing = [n for n in known if len(asked) > 1 and asked in n]
    ending = [n for n in alike if n.rpartition("-")[2] == asked.rpartition("-")[2]]
    return tuple(dict.fromkeys((*containing, *ending, *alike)))[:3]
