"""The Deployment controller: Deployment -> ReplicaSet -> pods, by RollingUpdate or Recreate.

With one replica and the default 25 %/25 % a rollout rounds to maxSurge 1, maxUnavailable 0: the old pod serves until
the new one is available, however long that takes. Recreate lets the old pods go first. Arithmetic in `kube.rollout`,
pods in `kube.replicasets`, dependents' deletion in `kube.garbage`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lib.sandbox.kube import garbage, replicasets, rollout, workqueue
from lib.sandbox.kube.errors import StatusError
from lib.sandbox.kube.objects import clone, rfc3339
from lib.sandbox.kube.replicasets import active, available, owner_of, owner_reference, ready
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.world import World

Document = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
_KIND, _SETS = "deployments.apps", "replicasets.apps"
_NOT_COPIED = {REVISION, "kubectl.kubernetes.io/last-applied-configuration"}


def tick(world: World) -> None:
    """One pass over the clusters that need a look."""
    with world.store.transaction():
        for look in workqueue.of(world, "deployments").looks(world):
            cluster = look.cluster
            if look.changed:
                cluster.forget_old_events()
                garbage.collect(cluster)
            for deployment in cluster.list(_KIND):
                if "deletionTimestamp" not in deployment["metadata"]:
                    _Rollout(cluster, deployment).sync()
            replicasets.sync(cluster)


class _Rollout:
    """One Deployment in one pass."""

    def __init__(self, cluster: KubeCluster, deployment: Document) -> None:
        self.cluster, self.deployment = cluster, deployment
        self.namespace, self.name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        self.spec, self.now = deployment["spec"], cluster.world.clock.now()
        self.desired = int(self.spec.get("replicas", 1))
        self.pods = replicasets.pods_by_owner(cluster)
        self.conditions = {c["type"]: dict(c) for c in deployment.get("status", {}).get("conditions") or ()}
        uid = deployment["metadata"]["uid"]
        owned = [s for s in cluster.list(_SETS, self.namespace) if owner_of(s, "Deployment") == uid]
        self.sets = sorted(owned, key=lambda s: int(s["metadata"]["annotations"].get(REVISION, "0")))
        self.new = next(
            (s for s in self.sets if rollout.same_template(s["spec"]["template"], self.spec["template"])),
            None,
        )

    def sync(self) -> None:
        strategy = self.spec.get("strategy") or {}
        if self.spec.get("paused"):
            self._scale_only()
        elif strategy.get("type") == "Recreate":
            self._recreate()
        else:
            self._roll(strategy.get("rollingUpdate") or {})
        self._forget_old_sets()
        self._write_status()

    @property
    def old(self) -> list[Document]:
        name = self.new["metadata"]["name"] if self.new else ""
        return [s for s in self.sets if s["metadata"]["name"] != name]

    def _scale_only(self) -> None:
        if self.sets:
            self._resize(self.new or self.sets[-1], self.desired)

    def _recreate(self) -> None:
        old = self.old
        for one in old:
            self._resize(one, 0)
        ended = {"Failed", "Succeeded"}
        left = [
            p
            for s in old
            for p in self.pods.get(s["metadata"]["uid"], ())
            if p["status"]["phase"] not in ended
        ]
        if not left and (new := self._ensure_new()):
            self._resize(new, self.desired)

    def _roll(self, rolling: Document) -> None:
        new = self._ensure_new()
        if new is None:
            return
        surge, unavailable = rollout.fenceposts(rolling, self.desired)
        old = [self._scale(s) for s in self.old]
        wanted = rollout.new_replicas(self._scale(new), old, desired=self.desired, surge=surge)
        if wanted != new["spec"]["replicas"]:
            new = self._resize(new, wanted)
        kept = rollout.old_replicas(self._scale(new), old, desired=self.desired, unavailable=unavailable)
        for one in self.old:
            self._resize(one, kept[one["metadata"]["name"]])

    def _scale(self, replica_set: Document) -> rollout.Scale:
        pods = [p for p in self.pods.get(replica_set["metadata"]["uid"], ()) if active(p)]
        least = self.spec.get("minReadySeconds", 0)
        return rollout.Scale(
            name=replica_set["metadata"]["name"],
            replicas=replica_set["spec"]["replicas"],
            available=sum(available(p, least, self.now) for p in pods),
        )

    def _ensure_new(self) -> Document | None:
        """The ReplicaSet of the present template, with the newest revision."""
        newest = max((int(s["metadata"]["annotations"].get(REVISION, "0")) for s in self.old), default=0)
        if self.new is not None:
            revision = int(self.new["metadata"]["annotations"].get(REVISION, "0"))
            if revision <= newest:
                self._annotate(self.new, str(newest + 1))
            self._set_revision(self.new)
            if "Progressing" not in self.conditions:
                text = f'Found new replica set "{self.new["metadata"]["name"]}"'
                self._progressing("True", "FoundNewReplicaSet", text)
            return self.new
        try:
            self.new = self.cluster.create(_SETS, self._new_set(newest + 1), self.namespace)
        except StatusError as e:
            self._progressing(
                "False", "ReplicaSetCreateError", f"Failed to create new replica set: {e.message}"
            )
            return None
        self.sets.append(self.new)
        self._set_revision(self.new)
        self._progressing(
            "True", "NewReplicaSetCreated", f'Created new replica set "{self.new["metadata"]["name"]}"'
        )
        return self.new

    def _new_set(self, revision: int) -> Document:
        template = clone(self.spec["template"])
        digest = rollout.template_hash(template)
        template.setdefault("metadata", {}).setdefault("labels", {})[rollout.HASH_LABEL] = digest
        selector = clone(self.spec["selector"])
        selector.setdefault("matchLabels", {})[rollout.HASH_LABEL] = digest
        given = self.deployment["metadata"].get("annotations") or {}
        annotations = {k: v for k, v in given.items() if k not in _NOT_COPIED}
        return {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{self.name}-{digest}",
                "labels": template["metadata"]["labels"],
                "annotations": {**annotations, REVISION: str(revision)},
                "ownerReferences": [owner_reference(self.deployment, "Deployment")],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": self.spec.get("minReadySeconds", 0),
                "selector": selector,
                "template": template,
            },
        }

    def _annotate(self, replica_set: Document, revision: str) -> None:
        metadata = replica_set["metadata"]
        self.new = self.cluster.mutate(
            _SETS, self.namespace, metadata["name"],
            lambda body: body["metadata"]["annotations"].update({REVISION: revision}),
        )  # fmt: skip

    def _set_revision(self, replica_set: Document) -> None:
        revision = (self.new or replica_set)["metadata"]["annotations"].get(REVISION, "1")
        if (self.deployment["metadata"].get("annotations") or {}).get(REVISION) == revision:
            return
        changed = self.cluster.mutate(
            _KIND, self.namespace, self.name,
            lambda body: body["metadata"].setdefault("annotations", {}).update({REVISION: revision}),
        )  # fmt: skip
        self.deployment = changed or self.deployment

    def _resize(self, replica_set: Document, replicas: int) -> Document:
        name, before = replica_set["metadata"]["name"], replica_set["spec"]["replicas"]
        if before == replicas:
            return replica_set
        changed = self.cluster.mutate(
            _SETS, self.namespace, name, lambda body: body["spec"].update(replicas=replicas)
        )
        word = "up" if replicas > before else "down"
        message = f"Scaled {word} replica set {name} from {before} to {replicas}"
        self.cluster.event(
            self.deployment, type="Normal", reason="ScalingReplicaSet", message=message,
            component="deployment-controller",
        )  # fmt: skip
        fresh = changed or replica_set
        self.sets = [fresh if s["metadata"]["name"] == name else s for s in self.sets]
        if self.new is not None and self.new["metadata"]["name"] == name:
            self.new = fresh
        return fresh

    def _forget_old_sets(self) -> None:
        """Beyond revisionHistoryLimit, oldest first."""
        empty = [s for s in self.old if not s["spec"]["replicas"] and not self.pods.get(s["metadata"]["uid"])]
        for one in empty[: max(0, len(empty) - self.spec.get("revisionHistoryLimit", 10))]:
            self.cluster.delete(_SETS, self.namespace, one["metadata"]["name"])

    # --- status --------------------------------------------------------------------------------------

    def _write_status(self) -> None:
        before = self.deployment.get("status", {})
        counts = self._counts()
        self._note_failure()
        self._note_availability(counts)
        self._note_progress(counts, before)
        order = ("Available", "Progressing", "ReplicaFailure")
        status: Document = {
            **{k: v for k, v in counts.items() if v},
            "observedGeneration": self.deployment["metadata"]["generation"],
            "conditions": [self.conditions[t] for t in order if t in self.conditions],
        }
        if status != before:
            self.cluster.mutate(_KIND, self.namespace, self.name, lambda body: body.update(status=status))

    def _counts(self) -> dict[str, int]:
        pods = [p for s in self.sets for p in self.pods.get(s["metadata"]["uid"], ()) if active(p)]
        least = self.spec.get("minReadySeconds", 0)
        serving = sum(available(p, least, self.now) for p in pods)
        updated = self.pods.get(self.new["metadata"]["uid"], []) if self.new else []
        wanted = sum(s["spec"]["replicas"] for s in self.sets)
        return {
            "replicas": len(pods),
            "updatedReplicas": sum(active(p) for p in updated),
            "readyReplicas": sum(map(ready, pods)),
            "availableReplicas": serving,
            "unavailableReplicas": max(0, wanted - serving),
        }

    def _note_failure(self) -> None:
        self.conditions.pop("ReplicaFailure", None)
        for condition in (self.new or {}).get("status", {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure":
                self.conditions["ReplicaFailure"] = {
                    **condition,
                    "lastUpdateTime": condition["lastTransitionTime"],
                }

    def _note_availability(self, counts: dict[str, int]) -> None:
        rolling = (self.spec.get("strategy") or {}).get("rollingUpdate")
        unavailable = rollout.fenceposts(rolling, self.desired)[1] if rolling and self.desired else 0
        enough = counts["availableReplicas"] >= self.desired - unavailable
        self._condition(
            "Available",
            "True" if enough else "False",
            "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        )

    def _note_progress(self, counts: dict[str, int], before: Document) -> None:
        if self.spec.get("paused") or self.new is None:
            return
        present = self.conditions.get("Progressing")
        settled = counts["replicas"] == counts["updatedReplicas"]
        if settled and present and present["reason"] == "NewReplicaSetAvailable":
            return
        name = self.new["metadata"]["name"]
        everything = {counts["replicas"], counts["updatedReplicas"], counts["availableReplicas"]}
        if everything == {self.desired}:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            self._progressing("True", "NewReplicaSetAvailable", text)
        elif _advanced(counts, before):
            self._progressing("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
        elif self._timed_out(present):
            text = f'ReplicaSet "{name}" has timed out progressing.'
            self._condition("Progressing", "False", "ProgressDeadlineExceeded", text)

    def _timed_out(self, present: Document | None) -> bool:
        if not present or present["reason"] == "NewReplicaSetAvailable":
            return False
        if present["reason"] == "ProgressDeadlineExceeded":
            return True
        since = datetime.fromisoformat(present["lastUpdateTime"].replace("Z", "+00:00"))
        return since + timedelta(seconds=self.spec.get("progressDeadlineSeconds", 600)) < self.now

    def _progressing(self, status: str, reason: str, message: str) -> None:
        """Progress was made: its time counts for the deadline even when nothing else changes."""
        self.conditions.get("Progressing", {}).pop("reason", None)
        self._condition("Progressing", status, reason, message)

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        now, present = rfc3339(self.now), self.conditions.get(type_)
        if present and (present["status"], present.get("reason")) == (status, reason):
            return
        since = present["lastTransitionTime"] if present and present["status"] == status else now
        self.conditions[type_] = {
            "type": type_, "status": status, "reason": reason, "message": message, "lastUpdateTime": now,
            "lastTransitionTime": since,
        }  # fmt: skip


def _advanced(counts: dict[str, int], before: Document) -> bool:
    old_now = counts["replicas"] - counts["updatedReplicas"]
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    grown = any(
        counts[k] > before.get(k, 0) for k in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grown or old_now < old_before
