"""The global address: where requests go, and what a client sees when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

from lib.sandbox import easel, faults, frontend, lb_answers, load, routing
from lib.sandbox.easel import Drawn, Watch
from lib.sandbox.lb_answers import Failure
from lib.sandbox.world import BACKEND_SERVICES, DUTY, FORWARDING_RULES, REQUESTS
from tests.unit.dataplane import INGRESSES, MCI, SERVICES, DataPlane

EU, US = "europe-west4", "us-east4"
PING = "/internal/ping"
NEW_YORK = {"x-client-region": "40.7,-74.0"}


class Slow:
    """In the easel's place: draws when told to."""

    def __init__(self) -> None:
        self.started, self.finish = asyncio.Event(), asyncio.Event()
        self.cancelled = False

    async def draw(self, order: Mapping[str, Any], watch: Watch) -> list[Drawn]:
        self.started.set()
        watch(5, 20, None)
        try:
            await self.finish.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return [Drawn(b"png", order["seed"], "text", (), ())]

    def interrupt(self, watch: Watch) -> None:
        self.finish.set()

    def close(self) -> None:
        pass


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[DataPlane]:
    """Two regions behind the address, both healthy."""
    found = DataPlane(tmp_path, programmed=True)
    found.serve(EU)
    found.serve(US)
    found.link(EU, US)
    found.run(25)
    yield found
    found.close()


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(frontend.FrontEnd(plane.world))
    async with httpx.AsyncClient(transport=transport, base_url="http://vip", timeout=10) as found:
        yield found


@pytest.fixture
def slow(plane: DataPlane) -> Slow:
    return easel._OF.setdefault(plane.world.store, Slow())  # type: ignore[arg-type]


async def region_of(client: httpx.AsyncClient, headers: dict[str, str] | None = None) -> str:
    answer = await client.get(PING, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-gpu-atlas-region"]


async def test_the_nearest_region_answers_and_stamps_its_passport(client: httpx.AsyncClient) -> None:
    answer = await client.get(PING)
    stamped = {k: v for k, v in answer.headers.items() if k.startswith("x-gpu-atlas-")}
    assert stamped == {
        "x-gpu-atlas-region": EU,
        "x-gpu-atlas-zone": f"{EU}-a",
        "x-gpu-atlas-cluster": f"atlas-{EU}",
        "x-gpu-atlas-pod": "sd-1",
        "x-gpu-atlas-accelerator": "nvidia-l4",
    }
    assert answer.headers["via"] == "1.1 google"
    assert await region_of(client, NEW_YORK) == US


async def test_an_unhealthy_region_is_passed_over(plane: DataPlane, client: httpx.AsyncClient) -> None:
    plane.lose_node(EU)
    plane.run(20)
    assert await region_of(client) == US


async def test_a_draining_region_gets_no_new_requests(plane: DataPlane, client: httpx.AsyncClient) -> None:
    plane.link(US)
    plane.run(1)
    assert await region_of(client) == US


async def test_pods_of_one_region_take_turns(plane: DataPlane, client: httpx.AsyncClient) -> None:
    plane.add_pod(EU, "sd-2")
    plane.run(25)
    asked = [(await client.get(PING)).headers["x-gpu-atlas-pod"] for _ in range(4)]
    assert sorted(asked) == ["sd-1", "sd-1", "sd-2", "sd-2"]


async def test_a_refused_connection_is_tried_once_more_elsewhere(
    plane: DataPlane, client: httpx.AsyncClient
) -> None:
    plane.cluster(EU).finish("pods", "default", "sd-1")  # gone, and the health checks don't know yet
    assert await region_of(client) == US


class Backends:
    """In the web servers' place: each fails in a row as told, then all answer."""

    def __init__(self, *failures: str) -> None:
        self.left, self.asked = list(failures), 0

    async def answer(self, *_: object, **__: object) -> Response:
        self.asked += 1
        failure = self.left.pop(0) if self.left else ""
        if failure == "refused":
            raise ConnectionRefusedError
        if failure == "hangs":
            await asyncio.Event().wait()
        return PlainTextResponse("", 500 if failure == "fails" else 200)


@pytest.mark.parametrize(
    ("method", "failures", "sick", "status", "asked"),
    [
        pytest.param("GET", ["refused"], 0, 200, 2, id="GET, no connection: once more"),
        pytest.param("GET", ["hangs"], 0, 200, 2, id="GET, no answer in time: once more"),
        pytest.param("GET", ["refused", "refused"], 0, 502, 2, id="GET: not a third time"),
        pytest.param("GET", ["hangs", "hangs"], 0, 504, 2, id="GET, twice no answer"),
        pytest.param("GET", ["fails"], 0, 500, 1, id="an answer is an answer"),
        pytest.param("GET", ["refused"], 1, 502, 1, id="GET, a third of the endpoints is sick"),
        pytest.param("POST", ["refused"], 0, 502, 1, id="POST, no connection"),
        pytest.param("POST", ["hangs"], 0, 504, 1, id="POST, no answer in time"),
        pytest.param("PUT", ["refused"], 0, 502, 1, id="PUT"),
    ],
)
async def test_what_is_tried_again(  # noqa: PLR0917 - three fixtures and a row of the table
    plane: DataPlane,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    failures: list[str],
    sick: int,
    status: int,
    asked: int,
) -> None:
    plane.add_pod(EU, "sd-2")
    plane.run(25)
    for _ in range(sick):
        plane.lose_node(US)
        plane.run(20)
    name, service = next(plane.world.store.items(BACKEND_SERVICES))
    plane.world.store.put(BACKEND_SERVICES, name, {**service, "timeoutSec": 0.05})
    backends = Backends(*failures)
    monkeypatch.setattr(frontend.webui, "answer", backends.answer)
    assert (await client.request(method, PING)).status_code == status
    assert backends.asked == asked
    load.flush(plane.world)
    [(key, counted)] = plane.world.store.items(REQUESTS)
    assert (key.split("/")[1:3], counted["total_ms"]["count"]) == ([f"{EU}-a", str(status)], 1), (
        "counted once, by its end"
    )


@pytest.mark.parametrize(
    ("failure", "classic", "managed", "words"),
    [
        pytest.param(Failure.NO_BACKEND, 502, 503, "no healthy upstream", id="nobody is healthy"),
        pytest.param(Failure.NO_CONNECTION, 502, 503, "connection failure", id="no connection"),
        pytest.param(Failure.CLOSED, 502, 502, "connection termination", id="closed"),
        pytest.param(Failure.TIMEOUT, 504, 504, "upstream request timeout", id="too slow"),
    ],
)
def test_each_kind_of_load_balancer_has_its_own_words(
    failure: Failure, classic: int, managed: int, words: str
) -> None:
    page, line = lb_answers.failed(failure, "EXTERNAL"), lb_answers.failed(failure, "EXTERNAL_MANAGED")
    assert (page.status_code, line.status_code) == (classic, managed)
    assert f"<title>{classic} Server Error</title>" in bytes(page.body).decode()
    assert words in bytes(line.body).decode()


async def test_with_no_healthy_endpoint_the_answer_is_googles_502(
    plane: DataPlane, client: httpx.AsyncClient
) -> None:
    plane.lose_node(EU)
    plane.lose_node(US)
    plane.run(20)
    answer = await client.get(PING)
    assert answer.status_code == 502
    assert "<title>502 Server Error</title>" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    load.flush(plane.world)
    assert [key.split("/")[1:3] for key, _ in plane.world.store.items(REQUESTS)] == [
        [frontend.NO_BACKEND, "502"]
    ]


async def test_before_the_rule_exists_there_is_no_backend(
    plane: DataPlane, client: httpx.AsyncClient
) -> None:
    for name, _ in plane.world.store.items(FORWARDING_RULES):
        plane.world.store.delete(FORWARDING_RULES, name)
    answer = await client.get(PING)
    assert (answer.status_code, answer.text) == (404, "default backend - 404")


async def test_rules_without_a_default_backend_answer_404_for_other_hosts(
    plane: DataPlane, client: httpx.AsyncClient
) -> None:
    backend = {"serviceName": "stable-diffusion-webui-mcs", "servicePort": "web"}
    rule = {"host": "art.example.com", "http": {"paths": [{"path": "/internal/*", "backend": backend}]}}
    plane.config.mutate(
        INGRESSES, "default", MCI, lambda body: body["spec"]["template"].update(spec={"rules": [rule]})
    )
    plane.run(2)
    found = await client.get(PING, headers={"host": "art.example.com"})
    elsewhere = await client.get("/sdapi/v1/samplers", headers={"host": "art.example.com"})
    other = await client.get(PING, headers={"host": "other.example.com"})
    assert [a.status_code for a in (found, elsewhere, other)] == [200, 404, 404]


async def test_a_pod_deleted_under_a_request_breaks_it_at_once(
    plane: DataPlane, client: httpx.AsyncClient, slow: Slow
) -> None:
    asked = asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"}))
    await slow.started.wait()
    plane.cluster(EU).finish("pods", "default", "sd-1")
    answer = await asked
    assert answer.status_code == 502
    assert slow.cancelled


async def test_a_lost_node_breaks_the_requests_on_it(
    plane: DataPlane, client: httpx.AsyncClient, slow: Slow
) -> None:
    asked = asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"}))
    await slow.started.wait()
    plane.lose_node(EU)
    assert (await asked).status_code == 502


async def test_a_draining_request_finishes(plane: DataPlane, client: httpx.AsyncClient, slow: Slow) -> None:
    asked = asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"}))
    await slow.started.wait()
    plane.link(US)
    plane.run(90, step=5)
    assert plane.endpoints[f"{EU}/sd-1"] == "DRAINING"
    slow.finish.set()
    assert (await asked).status_code == 200
    plane.run(1)
    assert f"{EU}/sd-1" not in plane.endpoints


async def test_by_decree_a_region_times_out_and_stays_healthy(
    plane: DataPlane, client: httpx.AsyncClient
) -> None:
    faults.create(plane.world, "vip-timeout", {"region": EU}, ttl_s=60)
    plane.run(45)
    name, service = next(plane.world.store.items(BACKEND_SERVICES))
    plane.world.store.put(BACKEND_SERVICES, name, {**service, "timeoutSec": 0.05})
    assert (await client.post("/sdapi/v1/skip")).status_code == 504
    assert await region_of(client, NEW_YORK) == US
    assert await region_of(client) == US, "a GET is tried once more, elsewhere"
    plane.run(16)
    assert await region_of(client) == EU


async def test_a_backend_that_takes_too_long_is_a_504(
    plane: DataPlane, client: httpx.AsyncClient, slow: Slow
) -> None:
    name, service = next(plane.world.store.items(BACKEND_SERVICES))
    plane.world.store.put(BACKEND_SERVICES, name, {**service, "timeoutSec": 0.05})
    answer = await client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"})
    assert answer.status_code == 504
    assert "<title>504 Server Error</title>" in answer.text
    assert slow.cancelled


async def test_a_client_that_leaves_ends_its_job(plane: DataPlane, slow: Slow) -> None:
    sent: list[Any] = []
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/sdapi/v1/txt2img",
        "query_string": b"",
        "headers": [],
    }

    async def send(message: Any) -> None:
        sent.append(message)

    messages.put_nowait({"type": "http.request", "body": b"{}", "more_body": False})
    serving = asyncio.create_task(frontend.FrontEnd(plane.world)(scope, messages.get, send))  # type: ignore[arg-type]
    await slow.started.wait()
    messages.put_nowait({"type": "http.disconnect"})
    await serving
    assert (sent, slow.cancelled) == ([], True)
    load.flush(plane.world)
    assert [key.split("/")[2] for key, _ in plane.world.store.items(REQUESTS)] == ["0"], "it got no response"


async def test_a_body_beyond_the_limit_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frontend, "BODY_LIMIT", 1000)
    answer = await client.post("/sdapi/v1/txt2img", content=b"x" * 1001)
    assert answer.status_code == 413


async def test_progress_is_answered_while_the_pod_draws_and_jobs_queue(
    client: httpx.AsyncClient, slow: Slow
) -> None:
    jobs = [
        asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"})) for _ in range(2)
    ]
    await slow.started.wait()
    progress = (await client.get("/sdapi/v1/progress")).json()
    assert 0 < progress["progress"] < 1
    assert progress["state"]["job_count"] == 1
    slow.finish.set()
    assert [(await job).status_code for job in jobs] == [200, 200]
    idle = (await client.get("/sdapi/v1/progress")).json()
    assert (idle["progress"], idle["state"]["job_count"]) == (0.0, 0)


async def test_a_task_is_told_where_it_is_in_the_queue(client: httpx.AsyncClient, slow: Slow) -> None:
    async def told(task: str) -> dict[str, Any]:
        return (await client.post("/internal/progress", json={"id_task": task})).json()

    def sent(task: str) -> asyncio.Task[httpx.Response]:
        body = {"prompt": "a boat", "force_task_id": task}
        return asyncio.create_task(client.post("/sdapi/v1/txt2img", json=body))

    first = sent("task(1)")
    await slow.started.wait()
    second = sent("task(2)")
    while not (waits := await told("task(2)"))["queued"]:
        assert not second.done()
    assert waits["textinfo"] == "In queue: 1/1"
    drawn = await told("task(1)")
    assert (drawn["active"], drawn["completed"], drawn["progress"]) == (True, False, 0.25)
    assert (await told("task(3)"))["textinfo"] == "Waiting..."
    slow.finish.set()
    await asyncio.gather(first, second)
    assert (await told("task(1)"))["completed"]


async def test_requests_and_busy_time_are_counted_by_minute(
    plane: DataPlane, client: httpx.AsyncClient, slow: Slow
) -> None:
    job = asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"}))
    await slow.started.wait()
    plane.world.clock.step(90)
    slow.finish.set()
    await job
    await client.get(PING)
    load.flush(plane.world)
    [(key, counted)] = plane.world.store.items(REQUESTS)
    assert key.split("/")[1:3] == [f"{EU}-a", "200"]
    assert counted["total_ms"]["count"] == 2
    busy = list(plane.world.store.items(DUTY))
    assert sum(d["busy_s"] for _, d in busy) == pytest.approx(90, abs=0.1)
    assert all(d["busy_s"] <= 60 and d["accelerator"] == "nvidia-l4" for _, d in busy)
    assert busy[0][0].split("/", 1)[1] == f"{EU}/atlas-{EU}/default/sd-1"


async def test_a_service_that_went_is_a_404(plane: DataPlane, client: httpx.AsyncClient) -> None:
    name, _ = next(plane.world.store.items(BACKEND_SERVICES))
    plane.world.store.delete(BACKEND_SERVICES, name)
    plane.config.delete(SERVICES, "default", "stable-diffusion-webui-mcs")
    answer = await client.get(PING)
    assert (answer.status_code, "backend NotFound" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("35.7,139.7", (35.7, 139.7), id="Tokyo"),
        pytest.param("", routing.PARIS, id="nothing"),
        pytest.param("north,south", routing.PARIS, id="no numbers"),
        pytest.param("91,0", routing.PARIS, id="off the globe"),
    ],
)
def test_a_client_says_where_it_is(text: str, place: tuple[float, float]) -> None:
    assert routing.place_of(text) == place


def test_distances_follow_the_great_circle() -> None:
    assert routing.distance_km(routing.PARIS, (40.7, -74.0)) == pytest.approx(5837, abs=15)
