"""Multi Cluster Ingress: builds the global load balancer that the config cluster's objects ask for.

MultiClusterService -> NEGs in the linked clusters (`mcs`, `neg`); MultiClusterIngress -> backend services,
URL map, proxy and forwarding rule on the reserved address. Works only while the config cluster does: what
was built goes on serving without it. Health is judged in `health`, requests go through `vip`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lib.sandbox import loadbalancer, mcs, neg, stages
from lib.sandbox.kube.platform import cluster_of_membership
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Document
from lib.sandbox.world import (
    ADDRESSES,
    BACKEND_SERVICES,
    FEATURES,
    FORWARDING_RULES,
    HEALTH_CHECKS,
    URL_MAPS,
    World,
)

FEATURE = "multiclusteringress"
STATIC_IP = "networking.gke.io/static-ip"


def tick(world: World) -> None:
    config = _config_cluster(world)
    if config is not None:
        for service in config.list(mcs.SERVICES):
            mcs.reconcile(config, service)
        for ingress in config.list(mcs.INGRESSES):
            _reconcile(config, ingress)
        _remove_unused(config)
    neg.sync(world)
    loadbalancer.drop_missing_groups(world)
    loadbalancer.follow_port(world)


def _config_cluster(world: World) -> KubeCluster | None:
    """Where the objects are, while the feature is active and that cluster answers."""
    feature = world.store.get(FEATURES, FEATURE)
    if feature is None or feature.get("resourceState", {}).get("state") != "ACTIVE":
        return None
    spec = (feature.get("spec") or {}).get(FEATURE) or {}
    where = cluster_of_membership(world, spec.get("configMembership", ""))
    return KubeCluster(world, *where) if where and mcs.answers(world, where) else None


def _reconcile(config: KubeCluster, ingress: Document) -> None:
    if "deletionTimestamp" in ingress["metadata"]:
        loadbalancer.remove_front_end(config.world, mcs.key_of(ingress))
        mcs.release(config, mcs.INGRESSES, ingress)
        return
    ingress = mcs.greeted(config, mcs.INGRESSES, ingress)
    try:
        with config.world.store.transaction():
            _program(config, ingress)
        mcs.content(config, mcs.INGRESSES, ingress)
    except mcs.TranslationError as e:
        text = f"error translating MCI {mcs.key_of(ingress)}: {e}"
        mcs.complain(config, mcs.INGRESSES, ingress, text)


def _program(config: KubeCluster, ingress: Document) -> None:
    world, metadata = config.world, ingress["metadata"]
    address = _address(world, ingress)
    spec = ingress["spec"]["template"]["spec"]
    default = _backend(config, metadata["namespace"], spec["backend"]) if "backend" in spec else None
    rules = [
        (
            rule.get("host", ""),
            [
                (path.get("path", ""), _backend(config, metadata["namespace"], path["backend"]))
                for path in (rule.get("http") or {}).get("paths") or ()
            ],
        )
        for rule in spec.get("rules") or ()
    ]
    due = _due(config, ingress)
    if address is None or world.clock.timestamp() < due:
        return
    ends = (metadata["namespace"], metadata["name"])
    front = loadbalancer.FrontEnd(
        name=loadbalancer.name(world, *ends),
        rule=loadbalancer.name(world, "fw", *ends),
        routes=loadbalancer.url_map(default, rules),
        address=address,
        owner=mcs.key_of(ingress),
    )
    loadbalancer.put_front_end(world, front)
    _tell_status(config, ingress, front)


def _due(config: KubeCluster, ingress: Document) -> float:
    """When the load balancer of this ingress has been programmed for the first time."""
    if "_programAt" in ingress:
        return float(ingress["_programAt"])
    world = config.world
    due = world.clock.timestamp() + stages.seconds(world, "vip-program", mcs.key_of(ingress))
    mcs.mutate(config, mcs.INGRESSES, ingress, lambda b: b.update(_programAt=due))
    return due


def _address(world: World, ingress: Document) -> str | None:
    """The reserved address; None while it is still being reserved."""
    wanted = ingress["metadata"].get("annotations", {}).get(STATIC_IP, "")
    if not wanted:
        raise mcs.TranslationError(
            f"annotation {STATIC_IP} is empty; the sandbox gives no ephemeral addresses"
        )
    for _, found in world.store.items(ADDRESSES):
        if found.get("address") == wanted and "_deleteAt" not in found:
            break
    else:
        raise mcs.TranslationError(
            f"static IP {wanted} is not a reserved global address of project {world.project}"
        )
    for key, rule in world.store.items(FORWARDING_RULES):
        if rule.get("IPAddress") == wanted and rule.get("_ingress") != mcs.key_of(ingress):
            raise mcs.TranslationError(f"static IP {wanted} is in use by forwarding rule {key}")
    return None if found["status"] == "RESERVING" else wanted


def _backend(config: KubeCluster, namespace: str, backend: Document) -> str:
    """URL of the backend service for one port of a MultiClusterService."""
    world, name, port = config.world, backend["serviceName"], backend["servicePort"]
    service = config.get(mcs.SERVICES, namespace, name)
    if service is None:
        raise mcs.TranslationError(f"multiclusterservice {namespace}/{name} does not exist")
    ports = service["spec"]["template"]["spec"].get("ports") or ()
    number = next((p["port"] for p in ports if port in (p["port"], str(p["port"]), p.get("name"))), None)
    if number is None:
        raise mcs.TranslationError(f"multiclusterservice {namespace}/{name} has no port {port}")
    owner = f"{namespace}/{name}"
    return loadbalancer.put_backend_service(
        world,
        loadbalancer.name(world, number, namespace, name),
        config=mcs.backend_config(config, service, number),
        groups=[found["selfLink"] for found in neg.of_service(world, owner, number)],
        owner=f"{owner}:{number}",
    )


def _tell_status(config: KubeCluster, ingress: Document, front: loadbalancer.FrontEnd) -> None:
    world = config.world
    services = sorted(_used(front.routes))
    owners = {(world.store.get(BACKEND_SERVICES, name) or {}).get("_service", "") for name in services}
    groups = {g["name"] for o in owners for g in neg.of_service(world, o.partition(":")[0])}
    status = {
        "VIP": front.address,
        "CloudResources": {
            "BackendServices": services,
            "Firewalls": [loadbalancer.name(world, "default", "l7")],
            "ForwardingRules": [front.rule],
            "HealthChecks": services,
            "NetworkEndpointGroups": sorted(groups),
            "TargetProxies": [front.name],
            "UrlMap": front.name,
        },
    }
    if ingress.get("status") != status:
        stamp = world.clock.now().strftime("%A, %d-%b-%y %H:%M:%S UTC")

        def change(body: Document) -> None:
            body["status"] = status
            body["metadata"].setdefault("annotations", {})["networking.gke.io/last-reconcile-time"] = stamp

        mcs.mutate(config, mcs.INGRESSES, ingress, change)


def _used(routes: Document) -> set[str]:
    """Names of the backend services in a URL map."""
    urls = [routes.get("defaultService")]
    urls += [rule["service"] for matcher in routes.get("pathMatchers", ()) for rule in matcher["pathRules"]]
    return {url.rsplit("/", 1)[-1] for url in urls if url}


def _remove_unused(config: KubeCluster) -> None:
    """Backend services and health checks that no ingress of the config cluster asks for any more."""
    world = config.world
    wanted = {
        f"{i['metadata']['namespace']}/{backend['serviceName']}"
        for i in config.list(mcs.INGRESSES)
        for backend in _backends(i["spec"]["template"]["spec"])
    }
    routed = {name for _, routes in world.store.items(URL_MAPS) for name in _used(routes)}
    for name, found in world.store.items(BACKEND_SERVICES):
        owner = found.get("_service", "").partition(":")[0]
        if owner and owner not in wanted and name not in routed:
            world.store.delete(BACKEND_SERVICES, name)
            world.store.delete(HEALTH_CHECKS, name)


def _backends(spec: Document) -> Iterator[Document]:
    if "backend" in spec:
        yield spec["backend"]
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield path["backend"]
