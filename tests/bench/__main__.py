"""`make bench`: start the product, measure, print a table and the same as JSON.

Every figure is measured in this run on this machine. Times are wall seconds unless the name says otherwise.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench import (
    audience,
    measures,
    observe_cycle,
    page_weight,
    sandbox_scale,
    thousand_clusters,
    traces,
    vip_load,
)
from tests.bench.budgets import verdicts
from tests.e2e.stack import CHROMIUM_ARGS, Stack, browser_path, free_port


def told(figures: dict[str, object]) -> dict[str, object]:
    """The same figures, shown as they come."""
    for name, value in figures.items():
        sys.stderr.write(f"{name:36} {value}\n")
    return figures


def main() -> int:
    figures: dict[str, object] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_ARGS)
        stack = Stack(state_dir=Path(folder) / "state", port=free_port())
        stack.state_dir.mkdir()
        stack.start()
        try:
            stack.wait_serving(2, timeout_s=240)
            figures |= told(measures.pictures(stack))
            figures |= told(measures.memory(stack))
            with ThreadPoolExecutor(1) as aside:  # Playwright's event loop runs in this thread
                figures |= told(aside.submit(vip_load.requests_per_second, stack).result())
            stack.stop()
            stack.start()
            figures |= told(measures.cold_start(stack, browser))
            figures |= told(measures.clicks(stack, browser))
            figures |= told(measures.refreshes(stack, browser))
            figures |= told(page_weight.page_weight(stack.url, browser))
            with ThreadPoolExecutor(1) as aside:
                figures |= told(aside.submit(audience.crowd, stack).result())
                minutes = float(os.environ.get("ATLAS_BENCH_SOAK_MIN", "2"))
                figures |= told(aside.submit(audience.soak, stack, minutes=minutes).result())
            figures |= told(measures.stock_out(stack))
        finally:
            stack.stop()
            browser.close()
    figures |= told(measures.plan_time())
    figures |= told(observe_cycle.costs())
    figures |= told(thousand_clusters.costs())
    figures |= told(sandbox_scale.costs())
    figures |= told(traces.table())
    sys.stderr.write("".join(f"{line}\n" for line in ("", *verdicts(figures))))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


raise SystemExit(main())
