"""What `kubectl explain` says of the built-in kinds: a text for every kind and field, and which fields are required.

`data/descriptions.json` is generated from the official Python client, as the schemas are
(`python -m lib.sandbox.kube.descriptions`): {definition: {"description", "required": [field], "texts": {field: text}}}.
Apart from the schemas because only OpenAPI needs it, and it is four times as large.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lib.sandbox.kube import schemas

Document = dict[str, Any]
FILE = Path(__file__).parent / "data" / "descriptions.json"


@cache
def _texts() -> Mapping[str, Document]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def described(name: str, schema: Mapping[str, Any]) -> Document:
    """A built-in kind's schema with its texts; the schema as it is when there are none."""
    told = _texts().get(name, {})
    texts = told.get("texts", {})
    properties = {
        field: {**inner, "description": texts[field]} if texts.get(field) else inner
        for field, inner in (schema.get("properties") or {}).items()
    }
    found: Document = {**schema, **({"properties": properties} if properties else {})}
    said = {k: told[k] for k in ("description", "required") if told.get(k)}
    return {**said, **found}


def generate(definitions: Mapping[str, Document]) -> Document:
    """From the models of the installed `kubernetes` package."""
    from kubernetes.client import models

    found: Document = {}
    for name, schema in definitions.items():
        model = getattr(models, name)
        by_wire = {field.serialization_alias or name: field for name, field in model.model_fields.items()}
        fields = {wire: by_wire[wire] for wire in schema.get("properties") or ()}
        found[name] = {
            "description": _first_paragraph(model.__doc__ or ""),
            "required": [wire for wire, field in fields.items() if field.is_required()],
            "texts": {wire: field.description or "" for wire, field in fields.items()},
        }
    return found


def _first_paragraph(docstring: str) -> str:
    return " ".join(docstring.partition("Attributes:")[0].split())


if __name__ == "__main__":
    FILE.write_text(
        json.dumps(generate(schemas.definitions()), separators=(",", ":")) + "\n", encoding="utf-8"
    )
