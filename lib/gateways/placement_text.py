"""A placement as people edit it: YAML with its spec, and back. Pure; what a field may hold the API judges.

Fields this version does not know are refused here and not dropped: an editor must not lose what was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from lib.fleet import catalog
from lib.fleet.model import Placement, PlacementSpec
from lib.gateways import placement_codec as codec
from lib.gateways.errors import Refused

MOST = 60_000  # characters; an object of the API has at most 1.5 MB, a placement is 1 kB
Object = dict[str, Any]


class _Plain(yaml.SafeLoader):
    """Times stay as they are written: in JSON they are text, whether they were quoted or not."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def text_of(placement: Placement) -> str:
    document = {
        "apiVersion": codec.API_VERSION,
        "kind": "GpuPlacement",
        "metadata": {"name": placement.name, "namespace": placement.namespace},
        "spec": codec.spec_to(placement.spec),
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def document_of(text: str) -> Object:
    """A GpuPlacement with a spec, or Refused with the line or the field."""
    if len(text) > MOST:
        raise Refused(f"That is {len(text):,} characters; a placement has at most {MOST:,}.")
    try:
        given = yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader
        json.dumps(given, allow_nan=False)
    except yaml.YAMLError as e:
        where = getattr(e, "problem_mark", None)
        at = f" at line {where.line + 1}, column {where.column + 1}" if where else ""
        raise Refused(f"That is not YAML{at}: {getattr(e, 'problem', None) or 'it can not be read'}.") from e
    except (ValueError, TypeError, RecursionError) as e:  # infinity, bytes, nesting without end
        raise Refused("That is not YAML that can be read: it has an impossible value.") from e
    if (
        not isinstance(given, dict)
        or given.get("kind") != "GpuPlacement"
        or not isinstance(given.get("spec"), dict)
    ):
        raise Refused("That is not a GpuPlacement with a spec.", field="kind")
    return given


def spec_in(text: str, *, name: str, namespace: str) -> Object:
    """The spec of this very placement, as it was written. Raises Refused."""
    given = document_of(text)
    metadata = given.get("metadata") or {}
    for field, held in (("name", name), ("namespace", namespace)):
        said = metadata.get(field, held) if isinstance(metadata, dict) else None
        if said != held:
            raise Refused(
                f"metadata.{field}: this is the placement {namespace}/{name}; it can't become another one."
            )
    if given.get("apiVersion") != codec.API_VERSION:
        raise Refused(f"apiVersion: it must be {codec.API_VERSION}.", field="apiVersion")
    if extra := sorted(set(given) - {"apiVersion", "kind", "metadata", "spec", "status"}, key=str):
        raise Refused(f"{extra[0]}: there is no such field.", field=str(extra[0]))
    return given["spec"]


def spec_of(written: Object) -> PlacementSpec:
    """Of a spec that the API has accepted. Raises Refused for what this version would lose or what rules forbid."""
    spec = codec.spec_from(written)
    if lost := next(_unknown(written, codec.spec_to(spec), "spec"), ""):
        raise Refused(f"{lost}: there is no such field.", field=lost)
    both = [region for region in spec.pinned if region in spec.excluded]
    if both:
        raise Refused(
            f"spec.regions.excluded: {both[0]} can't be both pinned and excluded.",
            field="spec.regions.excluded",
        )
    return spec


def doubts(spec: PlacementSpec) -> Iterator[str]:
    """Names that this version does not know: Google adds new ones, so they are told and not refused."""
    for name in spec.accelerators:
        if name not in catalog.ACCELERATORS:
            yield f"spec.accelerators: {name} is no GPU type that this version knows{_near(name, catalog.ACCELERATORS)}"
    for field, names in (("pinned", spec.pinned), ("excluded", spec.excluded)):
        for name in names:
            if name not in catalog.REGIONS:
                yield f"spec.regions.{field}: {name} is no region that this version knows{_near(name, catalog.REGIONS)}"


def _near(name: str, names: Mapping[str, object]) -> str:
    near = catalog.nearest(name, names)
    return f"; did you mean {' or '.join(near)}?" if near else "."


def _unknown(given: object, known: object, path: str) -> Iterator[str]:
    if isinstance(given, Mapping) and isinstance(known, Mapping):
        for name, value in given.items():
            if name not in known and value is not None:
                yield f"{path}.{name}"
            else:
                yield from _unknown(value, known.get(name), f"{path}.{name}")
    if isinstance(given, list) and isinstance(known, list):
        for i, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from _unknown(one, other, f"{path}[{i}]")
