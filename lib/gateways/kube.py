"""One cluster's Kubernetes API, on the official client's transport, in plain JSON objects.

Objects stay dictionaries here: typed models of the client cost CPU that 43 clusters a second do not have, and
the codecs next to each gateway give our own types. Needs only `kubernetes` and google.auth. Each call has a
deadline and is tried once.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client

from lib.fleet.model import ClusterObservation
from lib.gateways import calls, connect
from lib.gateways.errors import Conflict, Failure, NotFound, PermissionDenied, Unreachable, silence, translate
from lib.settings import Settings

CONNECT_S, READ_S = 2.0, 5.0
JSON = "application/json, */*"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json"
FIELD_MANAGER = "gpu-atlas"
CONFLICT_TRIES = 6
_AWAY = frozenset({502, 503, 504})  # said by what stands before a control plane that is gone
Object = dict[str, Any]
Row = tuple[Object, Object]  # cells by column, and what is known of the object


class Kube:
    """The API of one cluster. Threads may share it; connections are kept."""

    def __init__(self, settings: Settings, *, name: str, endpoint: str, ca_certificate: str) -> None:
        configuration = client.Configuration(
            host=f"https://{endpoint}",
            ca_cert_data=base64.b64decode(ca_certificate).decode() if ca_certificate else None,
        )
        configuration.connection_pool_maxsize = 8
        configuration.retries = urllib3.Retry(0, redirect=0)
        configuration.proxy = None if settings.endpoints.ca_file else configuration.proxy
        self.name = name
        self._settings = settings
        self._host = configuration.host
        self._rest = client.ApiClient(configuration).rest_client

    def call(  # noqa: PLR0913 - one request has that many parts
        self,
        method: str,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        read_s: float = READ_S,
        accept: str = JSON,
    ) -> Object:
        """One request; the answer as JSON. Raises an AtlasError."""
        # Anything but JSON types is sent as the text it is given as; server-side apply takes JSON as YAML.
        sent = json.dumps(body) if body is not None and "json" not in content_type else body
        raw = self._send(method, path, doing, query, sent, content_type, read_s, accept)
        return json.loads(raw) if raw else {}

    def text(self, path: str, *, doing: str, query: Mapping[str, str] | None = None) -> str:
        """GET of what is not JSON: a log."""
        return self._send("GET", path, doing, query, None, "application/json", READ_S, JSON).decode(
            errors="replace"
        )

    def _send(  # noqa: PLR0913, PLR0917 - only the two above call it
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, str] | None,
        body: object,
        content_type: str,
        read_s: float,
        accept: str,
    ) -> bytes:
        headers = {
            "Authorization": f"Bearer {connect.token(self._settings)}",
            "Accept": accept,
            "Content-Type": content_type,
        }
        calls.count("kubernetes")
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._rest.request(
                method, url, headers=headers, body=body, _request_timeout=(CONNECT_S, read_s)
            )
            raw = answer.read()
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise Unreachable(f"{self.name} does not answer ({silence(e)}).") from e
        if not 200 <= answer.status < 300:
            failure = _failure(doing, answer.status, raw, answer.headers or {})
            if answer.status in _AWAY:
                raise Unreachable(f"{self.name} does not answer ({failure.message.rstrip('.')}).")
            raise translate(failure)
        return raw

    # The five verbs on a resource's path, as `resource_path` gives it.

    def get(self, path: str, *, doing: str) -> Object:
        return self.call("GET", path, doing=doing)

    def list(self, path: str, *, doing: str, **query: str) -> list[Object]:
        """All items; pages are followed."""
        items: list[Object] = []
        query.setdefault("limit", "500")
        while True:
            page = self.call("GET", path, doing=doing, query=query)
            items += page.get("items") or []
            if not (more := (page.get("metadata") or {}).get("continue")):
                return items
            query["continue"] = more

    def table(self, path: str, *, doing: str, **query: str) -> list[Row]:
        """All items as `kubectl get` prints them: the server makes the cells. With includeObject=Object each row has
        its object, too. Pages are followed."""
        rows: list[Row] = []
        query = {"limit": "500", "includeObject": "Metadata", **query}
        while True:
            page = self.call("GET", path, doing=doing, query=query, accept=TABLE)
            titles = [column["name"] for column in page.get("columnDefinitions") or []]
            rows += [
                (dict(zip(titles, row["cells"], strict=False)), row.get("object") or {})
                for row in page.get("rows") or []
            ]
            if not (more := (page.get("metadata") or {}).get("continue")):
                return rows
            query["continue"] = more

    def create(self, path: str, body: Object, *, doing: str) -> Object:
        return self.call("POST", path, body=body, doing=doing, query={"fieldManager": FIELD_MANAGER})

    def replace(self, path: str, body: Object, *, doing: str) -> Object:
        return self.call("PUT", path, body=body, doing=doing, query={"fieldManager": FIELD_MANAGER})

    def merge(self, path: str, body: Object, *, doing: str) -> Object:
        return self.call(
            "PATCH",
            path,
            body=body,
            doing=doing,
            content_type="application/merge-patch+json",
            query={"fieldManager": FIELD_MANAGER},
        )

    def apply(self, path: str, body: Object, *, doing: str) -> Object:
        """Server-side apply; this platform's fields win."""
        return self.call(
            "PATCH",
            path,
            body=body,
            doing=doing,
            content_type="application/apply-patch+yaml",
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            read_s=2 * READ_S,
        )

    def edit(self, path: str, change: Callable[[Object], Object | None], *, doing: str) -> Object:
        """Read, change, write with the resourceVersion that was read; again when somebody was faster.
        `change` gets a copy it may alter, and returns what to write or None to leave it as it is."""
        for _ in range(CONFLICT_TRIES):
            held = self.get(path, doing=doing)
            wanted = change(json.loads(json.dumps(held)))
            if wanted is None or wanted == held:
                return held
            try:
                return self.replace(path, wanted, doing=doing)
            except Conflict:
                continue
        raise Conflict(f"{doing[:1].upper()}{doing[1:]} failed: others kept writing; try again.")


def resource_path(
    group_version: str, plural: str, *, namespace: str | None = None, name: str = "", subresource: str = ""
) -> str:
    """URL path of a collection or an object: resource_path("apps/v1", "deployments", namespace="default")."""
    parts = ["/api" if group_version == "v1" else "/apis", group_version]
    if namespace is not None:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(plural)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/".join(parts)


class Kubes:
    """The APIs of many clusters, one connection each, so that a dead one costs its own caller and nobody else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: dict[tuple[str, str], Kube] = {}
        self._lock = threading.Lock()

    def of(self, cluster: ClusterObservation) -> Kube:
        if not cluster.endpoint:
            raise Unreachable(f"{cluster.name} has no control plane endpoint yet ({cluster.status}).")
        key = (cluster.endpoint, cluster.ca_certificate)
        with self._lock:
            if key not in self._held:
                self._held[key] = Kube(
                    self._settings,
                    name=cluster.name,
                    endpoint=cluster.endpoint,
                    ca_certificate=cluster.ca_certificate,
                )
            return self._held[key]


class ConfigKube:
    """Finds the config cluster through the Container API (over REST, which is light) and keeps its `Kube`.

    Forgotten and found again when it did not answer or refused our token: it may have been made anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: Kube | None = None
        self._lock = threading.Lock()

    def get(self) -> Kube:
        with self._lock:
            if self._held is None:
                self._held = self._find()
            return self._held

    def run(self, use: Callable[[Kube], Any]) -> Any:
        try:
            return use(self.get())
        except (Unreachable, PermissionDenied):
            self._held = None
            raise

    def _find(self) -> Kube:
        s = self._settings
        host = connect.endpoints(s).container_rest or "container.googleapis.com"
        name = f"projects/{s.project}/locations/{s.config_region}/clusters/{s.config_cluster}"
        cluster = rest_get(s, f"https://{host}/v1/{name}", doing=f"finding the cluster {s.config_cluster}")
        endpoint = cluster.get("endpoint", "")
        if not endpoint:
            raise Unreachable(f"The cluster {s.config_cluster} is {cluster.get('status', 'not ready')}.")
        ca = cluster.get("masterAuth", {}).get("clusterCaCertificate", "")
        return Kube(s, name=s.config_cluster, endpoint=endpoint, ca_certificate=ca)


def rest_get(settings: Settings, url: str, *, doing: str) -> Object:
    """GET of a Google REST API with the platform's credentials."""
    with connect.google_errors(doing), connect.session(settings) as session:
        answer = session.get(url, timeout=(CONNECT_S, READ_S))
        try:
            said = answer.json()
        except ValueError:
            said = {}
    if answer.ok:
        return said
    error = said.get("error", {}) if isinstance(said, dict) else {}
    raise translate(
        Failure(
            doing=doing,
            status=answer.status_code,
            reason=str(error.get("status", "")),
            message=str(error.get("message", answer.reason)),
        )
    )


def optional(read: Callable[[], Object]) -> Object | None:
    """None when the object does not exist."""
    try:
        return read()
    except NotFound:
        return None


def _failure(doing: str, status: int, raw: bytes, headers: Mapping[str, str]) -> Failure:
    """From a Kubernetes Status object; details.causes name the fields."""
    try:
        said = json.loads(raw)
    except ValueError:
        said = {"message": raw[:200].decode(errors="replace")}
    said: dict[str, Any] = said if isinstance(said, dict) else {}
    details: dict[str, Any] = said.get("details") or {}
    causes = details.get("causes") or [{}]
    after = details.get("retryAfterSeconds") or headers.get("Retry-After")
    return Failure(
        doing=doing,
        status=status,
        reason=str(said.get("reason", "")),
        message=str(said.get("message", "")),
        field=str(causes[0].get("field", "")),
        retry_after=float(after) if after and str(after).isdigit() else None,
    )
