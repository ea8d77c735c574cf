"""The protobuf of Go clients, read without a kubectl."""

from __future__ import annotations

import pytest

from lib.sandbox.kube import wire


def field(number: int, value: bytes | int) -> bytes:
    """One field of a message; lengths and numbers here are small."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(api_version: str, kind: str, body: bytes) -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\x00" + field(1, type_meta) + field(2, body)


META = field(1, field(1, b"a") + field(3, b"") + field(8, b""))  # name, an empty namespace, no creation time


@pytest.mark.parametrize(
    ("api_version", "kind", "body", "found"),
    [
        pytest.param("v1", "Secret", META + field(2, field(1, b"k") + field(2, b"v")),
                     {"data": {"k": "dg=="}}, id="a map of bytes"),
        pytest.param("apps/v1", "Deployment", META + field(2, field(1, 0) + field(5, 0)),
                     {"spec": {"replicas": 0}}, id="a zero that counts and one that does not"),
        pytest.param("policy/v1", "PodDisruptionBudget", META + field(2, field(1, field(1, 1) + field(3, b"5%"))),
                     {"spec": {"minAvailable": "5%"}}, id="a number or a text"),
        pytest.param("v1", "ResourceQuota", META + field(2, field(1, field(1, b"cpu") + field(2, field(1, b"2")))),
                     {"spec": {"hard": {"cpu": "2"}}}, id="quantities"),
    ],
)  # fmt: skip
def test_an_object_is_read(api_version: str, kind: str, body: bytes, found: dict[str, object]) -> None:
    metadata = {"name": "a", "creationTimestamp": None}
    read = wire.read(envelope(api_version, kind, body))
    read["metadata"].setdefault("creationTimestamp", None)
    assert read == {"apiVersion": api_version, "kind": kind, "metadata": metadata, **found}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "not a Kubernetes protobuf envelope"),
        (envelope("v1", "Secret", META)[:-1], "truncated message"),
        (envelope("example.com/v1", "Widget", b""), "can only be sent as JSON or YAML"),
        (b"k8s\x00\x0f", "unexpected wire type"),
    ],
)
def test_what_cannot_be_read_is_said(body: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wire.read(body)
