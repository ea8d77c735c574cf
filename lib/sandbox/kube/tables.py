"""Table answers for `kubectl get`: the columns of a kind, and one row for each object.

Custom resources print their CRD's additionalPrinterColumns, built-in kinds what `columns` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lib.sandbox.kube.columns import AGE, COLUMNS, NAME
from lib.sandbox.kube.printing import Column, Document, age, json_path
from lib.sandbox.kube.resources import Resource


def table(
    kind: Resource, items: Sequence[Document], *, now: datetime, metadata: Document, include: str = "Metadata"
) -> Document:
    """`include` as in ?includeObject=: Metadata (default), Object or None."""
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {
                "name": c.name,
                "type": c.type,
                "format": "name" if c.name == "Name" else "",
                "description": c.name,
                "priority": int(c.wide),
            }
            for c in columns
        ],
        "rows": [{"cells": [c.cell(item, now) for c in columns], **_object(item, include)} for item in items],
    }


def _object(item: Document, include: str) -> Document:
    if include == "None":
        return {}
    return {"object": item if include == "Object" else partial(item)}


def partial(item: Document) -> Document:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def columns_of(kind: Resource) -> tuple[Column, ...]:
    if kind.definition:
        defined = kind.definition.get("additionalPrinterColumns")
        return (NAME, *(map(_printer_column, defined) if defined else (AGE,)))
    return COLUMNS.get(kind.key, (NAME, AGE))


def _printer_column(column: Document) -> Column:
    date = column.get("type") == "date"

    def cell(item: Document, now: datetime) -> Any:
        found = json_path(item, column["jsonPath"])
        if not found:
            return None
        if date:
            return age(str(found[0]), now)
        if len(found) == 1 and not isinstance(found[0], dict | list):
            return found[0]
        return ",".join(str(f) for f in found)

    wide = column.get("priority", 0) > 0
    return Column(name=column["name"], cell=cell, type=column.get("type", "string"), wide=wide)
