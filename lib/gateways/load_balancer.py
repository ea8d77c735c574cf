"""The load balancer that Multi Cluster Ingress built, part by part, over Compute's REST API.

Reads only, for the screen: plain requests instead of Google's client, which would cost the dashboard a hundred MB. The
controller's own look at health is `compute`'s.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lib.fleet.traffic import BackendService, Endpoint, Group, HealthCheck, LoadBalancer
from lib.gateways import connect
from lib.gateways.errors import AtlasError
from lib.gateways.ingress import INGRESS, SERVICE
from lib.settings import Settings

DEFAULT_HOST = "compute.googleapis.com"
PAGE = 500
THREADS = 8
TIMEOUT_S = 10
Object = dict[str, Any]


class LoadBalancerGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = connect.session(settings)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="atlas-lb")
        self._region_of: dict[str, str] = {}  # as zones.list tells; never by splitting names

    def read(self) -> LoadBalancer:
        """All of it; what isn't built yet is empty. A group that does not tell its health is kept, as unknown."""
        rules, proxies, maps, services, checks = self._pool.map(
            self._listed,
            ("forwardingRules", "targetHttpProxies", "urlMaps", "backendServices", "healthChecks"),
        )
        rule = next(iter(_ours(rules, INGRESS)), {})
        proxy = next((one for one in proxies if one["name"] == _last(rule.get("target", ""))), {})
        routes = next((one for one in maps if one["name"] == _last(proxy.get("urlMap", ""))), {})
        by_name = {one["name"]: one for one in checks}
        return LoadBalancer(
            address=_address(rule),
            rule=rule.get("name", ""),
            proxy=proxy.get("name", ""),
            url_map=routes.get("name", ""),
            services=tuple(self._service(one, by_name) for one in _ours(services, SERVICE)),
        )

    def _service(self, found: Object, checks: dict[str, Object]) -> BackendService:
        check = next((checks.get(_last(url)) for url in found.get("healthChecks", ())), None)
        urls = [backend["group"] for backend in found.get("backends", ())]
        groups = self._pool.map(self._group, urls)
        return BackendService(
            name=found["name"],
            scheme=found.get("loadBalancingScheme", ""),
            timeout_s=int(found.get("timeoutSec", 30)),
            draining_s=int((found.get("connectionDraining") or {}).get("drainingTimeoutSec", 0)),
            check=_check(check) if check else None,
            groups=tuple(sorted(groups, key=lambda one: (one.region, one.zone, one.name))),
        )

    def _group(self, url: str) -> Group:
        zone, name = url.partition("/zones/")[2].partition("/")[0], _last(url)
        path = f"zones/{zone}/networkEndpointGroups/{name}/listNetworkEndpoints"
        try:
            told = self._call(
                "POST", path, doing=f"reading the endpoints of {name}", json={"healthStatus": "SHOW"}
            )
            endpoints = tuple(_endpoint(one) for one in told.get("items", ()))
        except AtlasError:
            endpoints = None
        return Group(name=name, zone=zone, region=self._region(zone), endpoints=endpoints)

    def _region(self, zone: str) -> str:
        if zone not in self._region_of:
            told = self._call("GET", f"zones/{zone}", doing=f"reading the zone {zone}")
            self._region_of[zone] = _last(told.get("region", ""))
        return self._region_of[zone]

    def _listed(self, kind: str) -> list[Object]:
        found: list[Object] = []
        token: str | None = ""
        while token is not None:
            query = {"maxResults": PAGE, **({"pageToken": token} if token else {})}
            told = self._call("GET", f"global/{kind}", doing=f"listing {kind}", params=query)
            found += told.get("items", [])
            token = told.get("nextPageToken")
        return found

    def _call(self, method: str, path: str, *, doing: str, **more: Any) -> Object:
        from google.api_core.exceptions import from_http_response

        host = connect.endpoints(self._settings).compute or DEFAULT_HOST
        base = host if "://" in host else f"https://{host}"
        url = f"{base}/compute/v1/projects/{self._settings.project}/{path}"
        with connect.google_errors(doing):
            answer = self._session.request(method, url, timeout=TIMEOUT_S, **more)
            if not answer.ok:
                raise from_http_response(answer)
            return answer.json()


def _ours(found: list[Object], name: str) -> list[Object]:
    """Those that Multi Cluster Ingress made for this workload."""
    return [one for one in found if one["name"].startswith("mci-") and one["name"].endswith(f"-{name}")]


def _address(rule: Object) -> str:
    first, _, last = str(rule.get("portRange", "")).partition("-")
    return (
        f"{rule['IPAddress']}:{first if first in {last, ''} or not last else f'{first}-{last}'}"
        if rule
        else ""
    )


def _check(found: Object) -> HealthCheck:
    kind = found.get("type", "HTTP")
    probe: Object = next(
        (found[k] for k in ("httpHealthCheck", "httpsHealthCheck", "http2HealthCheck") if k in found), {}
    )
    return HealthCheck(
        name=found["name"],
        type=kind,
        path=probe.get("requestPath", "/"),
        port=str(probe["port"]) if "port" in probe else "the serving port",
        interval_s=int(found.get("checkIntervalSec", 15)),
        timeout_s=int(found.get("timeoutSec", 15)),
        healthy_after=int(found.get("healthyThreshold", 1)),
        unhealthy_after=int(found.get("unhealthyThreshold", 2)),
    )


def _endpoint(found: Object) -> Endpoint:
    where = found.get("networkEndpoint", {})
    states = [one.get("healthState", "") for one in found.get("healths", ())]
    return Endpoint(
        address=f"{where.get('ipAddress', '?')}:{where.get('port', '?')}",
        state=next((one for one in states if one), "UNKNOWN"),
    )


def _last(url: str) -> str:
    return url.rpartition("/")[2]
