"""One function a budget. Each takes the running product and returns named figures."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, WebSocket

from lib.fleet.names import cluster_name
from lib.gateways.gke import GkeGateway
from lib.gateways.placement import PlacementGateway
from lib.gateways.workload import WorkloadGateway
from lib.settings import Settings
from tests.e2e.stack import ROOT, Stack
from tests.waiting import wait_until

REGIONS = ("us-east4", "europe-west4", "asia-east1", "us-west1", "europe-west1", "asia-northeast1")


def cold_start(stack: Stack, browser: Browser) -> dict[str, object]:
    """Process start (the caller's, just before) to a map with live data: a region of the fleet is drawn on it."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    assert stack.process
    started = psutil.Process(stack.process.pid).create_time()
    wait_until(lambda: _goes(page, stack.url), timeout_s=60)
    page.wait_for_selector(".mark.fleet[data-region]", timeout=60_000)
    took = time.time() - started
    page.close()
    return {"cold_start_to_live_map_s": round(took, 2)}


def clicks(stack: Stack, browser: Browser) -> dict[str, object]:
    """A click on a region to its card on the screen."""
    page = _open(stack, browser)
    took: list[float] = []
    for region in REGIONS * 5:
        start = time.perf_counter()
        page.locator(f'.mark[data-region="{region}"]').dispatch_event("click")
        page.get_by_role("heading", name=region, exact=True).wait_for(timeout=10_000)
        took.append((time.perf_counter() - start) * 1000)
    page.close()
    took.sort()
    return {
        "click_to_screen_p50_ms": round(statistics.median(took)),
        "click_to_screen_p95_ms": round(took[int(len(took) * 0.95) - 1]),
        "clicks": len(took),
    }


def refreshes(stack: Stack, browser: Browser) -> dict[str, object]:
    """Bytes that the server sends to an open page in 20 s, one heartbeat of it, by the websocket and by HTTP: Atlas while
    nothing changes but odds, and Traffic, where Monitoring's newest minutes and each probe are changes."""
    atlas = _received(stack, browser, "", ".mark.fleet[data-region]")
    traffic = _received(stack, browser, "traffic", ".region.good")
    return {
        "quiet_bytes_per_s": round(sum(atlas) / 20),
        "quiet_messages_per_s": round(len(atlas) / 20, 1),
        "traffic_bytes_per_s": round(sum(traffic) / 20),
        "traffic_messages_per_s": round(len(traffic) / 20, 1),
    }


def _received(stack: Stack, browser: Browser, path: str, drawn: str) -> list[float]:
    received: list[float] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: received.append(len(payload)))

    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.on("websocket", listen)
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
    page.goto(f"{stack.url}/{path}")
    page.wait_for_selector(drawn, timeout=60_000)
    page.wait_for_timeout(5_000)  # the page settles; this is a measurement and no test
    before = len(received)
    page.wait_for_timeout(20_000)
    mine = received[before:]
    page.close()
    return mine


def pictures(stack: Stack) -> dict[str, object]:
    """512x512 through the global address, one at a time."""
    took: list[float] = []
    target = stack.state_dir / "bench.png"
    passports: list[dict[str, Any]] = []
    for seed in range(6):
        start = time.perf_counter()
        told = stack.atlas("txt2img", "a red fox in the snow at dawn", "-o", str(target), "--seed", str(seed))
        took.append(time.perf_counter() - start)
        passports.append(told["passport"])
    return {
        "picture_at_the_vip_median_s": round(statistics.median(p["total_s"] for p in passports[1:]), 2),
        "picture_compute_median_s": round(statistics.median(p["compute_s"] for p in passports[1:]), 2),
        "picture_whole_command_median_s": round(statistics.median(took[1:]), 2),
    }


def memory(stack: Stack) -> dict[str, object]:
    """Resident memory of each process and its children, idle, MB."""
    assert stack.process
    sizes: dict[str, float] = {}
    for process in [p for p in psutil.process_iter(["cmdline"]) if _belongs(p, stack)]:
        name = _role(process)
        sizes[name] = sizes.get(name, 0) + process.memory_info().rss / 1e6
    found: dict[str, object] = {f"rss_{name}_mb": round(size) for name, size in sorted(sizes.items())}
    return found | {"rss_total_mb": round(sum(sizes.values()))}


def stock_out(stack: Stack) -> dict[str, object]:
    """From the moment the Kubernetes API tells that the autoscaler failed to a decision on it in the status, in wall
    seconds. Both are asked again at once, so what an answer takes is in the figure."""
    settings = Settings(state_dir=stack.state_dir)
    placements, workloads = PlacementGateway(settings), WorkloadGateway(settings)
    region = stack.wait_serving(2, timeout_s=120)[-1]
    [cluster] = [c for c in GkeGateway(settings).list_clusters() if c.name == cluster_name(region)]
    told = set(placements.get().status.decisions)
    known = {(e.uid, e.count) for e in workloads.observe(cluster).events}

    def visible() -> bool:
        events = workloads.observe(cluster).events
        return any(e.reason == "FailedScaleUp" and (e.uid, e.count) not in known for e in events)

    def decided() -> bool:
        fresh = [d for d in placements.get().status.decisions if d not in told]
        return any(d.verb in {"ScaleOut", "SwitchGpu"} for d in fresh)

    stack.atlas("sandbox", "fault", "add", "stockout", f"region={region}", "--ttl", "24h")
    wait_until(visible, timeout_s=120, every_s=0.01, what="the autoscaler's failure")
    began = time.perf_counter()
    wait_until(decided, timeout_s=120, every_s=0.01, what="a decision on it")
    return {"stock_out_to_decision_s": round(time.perf_counter() - began, 2)}


def plan_time() -> dict[str, object]:
    """plan() in a process of its own, for 43 regions and 12 GPUs and for a thousand clusters."""
    words = [str(ROOT / ".venv/bin/python"), "-m", "tests.bench.plan_time"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _open(stack: Stack, browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(stack.url)
    page.wait_for_selector(".mark.fleet[data-region]", timeout=60_000)
    return page


def _goes(page: Page, url: str) -> bool:
    try:
        page.goto(url, timeout=5_000)
    except Exception:  # noqa: BLE001 - Playwright's error for a refused connection has no type of its own
        return False
    return True


def _belongs(process: psutil.Process, stack: Stack) -> bool:
    try:
        return process.environ().get("ATLAS_STATE_DIR") == str(stack.state_dir)
    except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def process(stack: Stack, role: str) -> psutil.Process:
    """Of the dashboard, the controller or the sandbox."""
    return next(p for p in psutil.process_iter(["cmdline"]) if _belongs(p, stack) and _role(p) == role)


def _role(process: psutil.Process) -> str:
    words: list[Any] = process.cmdline()
    line = " ".join(words)
    for name, mark in (
        ("dashboard", "streamlit"),
        ("controller", "lib.controller"),
        ("sandbox", "lib.sandbox"),
        ("launcher", "lib.cli"),
    ):
        if mark in line:
            return name
    return "painter" if "multiprocessing" in line else "other"
