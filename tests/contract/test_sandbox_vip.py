"""The whole way to a picture over the wire: clusters, fleet, address, manifests, and a prompt to the global address.

On a sandbox of its own: it changes the fleet's only ingress, kills a worker's region and the process itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.contract.demo import CONFIG, INGRESS, SPARE, WORK, Demo, serving
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with serving(tmp_path_factory.mktemp("vip")) as found:
        yield found


def test_a_prompt_to_the_global_address_becomes_a_picture_with_its_passport(demo: Demo) -> None:
    asked = {"prompt": "a red boat on a lake", "seed": 3, "width": 256, "height": 256, "steps": 4}
    answer = httpx.post(f"{demo.vip()}/sdapi/v1/txt2img", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text
    [image] = answer.json()["images"]
    assert Image.open(io.BytesIO(base64.b64decode(image))).size == (256, 256)
    headers = answer.headers
    assert headers["x-gpu-atlas-region"] == WORK[0]
    assert headers["x-gpu-atlas-zone"].startswith(WORK[0])
    assert headers["x-gpu-atlas-pod"].startswith("stable-diffusion-webui-")
    assert headers["via"] == "1.1 google"
    assert {"server", "date", "content-length"} <= set(headers)


def test_the_ingress_tells_its_address(demo: Demo) -> None:
    status = demo.api.get(f"{demo.kube(CONFIG)}{INGRESS}").json()["status"]
    assert status["VIP"] in demo.vip()
    assert len(status["CloudResources"]["NetworkEndpointGroups"]) >= 2


def test_a_region_without_gpus_is_left_and_no_request_is_lost(demo: Demo) -> None:
    with demo.sandbox.http(demo.sandbox.token) as admin:
        scope = {"region": WORK[0]}
        fault = {"kind": "stockout", "scope": scope}
        assert admin.post("/admin/v1/faults", json=fault).status_code == 200

        def region() -> str:
            answer = httpx.get(f"{demo.vip()}/internal/ping", timeout=10)
            assert answer.status_code == 200, answer.text
            return answer.headers["x-gpu-atlas-region"]

        wait_until(lambda: region() == SPARE[0], what="the spare region answers")
        admin.delete("/admin/v1/faults")
        wait_until(lambda: region() == WORK[0], timeout_s=60, what="the region is back")


def test_after_kill_9_the_address_serves_again_at_the_same_place(demo: Demo) -> None:
    before = demo.vip()
    demo.sandbox.stop(kill=True)
    demo.sandbox.start()
    demo.api.close()
    demo.api = demo.sandbox.http(demo.sandbox.token)
    assert demo.vip() == before
    assert httpx.get(f"{before}/internal/ping", timeout=10).status_code == 200
