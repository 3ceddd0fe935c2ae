"""The shape of a config: a walk through the JSON Schema of its parameter classes, along the data of a file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jobs.yamlfile import Route

Spec = Mapping[str, Any]
"""A JSON Schema, or a part of one."""
PLACED: Final = (
    "sources",
    "area",
    "context",
    "data",
    "detectors",
    "samples",
    "job",
    "overlays",
    "areas",
    "redd",
    "peat",
    "claims",
    "restoration",
    "territory",
)
"""Sections whose paths are relative to the config file."""


def placed(root: Spec, data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A copy in which paths are absolute and a date written as a bare number is a number, and so refused as a date."""
    copy: dict[str, Any] = json.loads(json.dumps(data))
    for route, spec, value in leaves(root, data):
        if isinstance(value, str) and spec.get("format") == "path" and route[0] in PLACED:
            _put(copy, route, str(folder / value))
        elif isinstance(value, str) and spec.get("format") == "date" and value.isdecimal():
            _put(copy, route, int(value))
    return copy


def _put(data: Any, route: Route, value: Any) -> None:
    for step in route[:-1]:
        data = data[step]
    data[route[-1]] = value


def leaves(root: Spec, data: Any) -> Iterator[tuple[Route, Spec, Any]]:
    """(route, schema, value) of every value in plain data that the schema knows; what does not fit is left out."""
    pending: list[tuple[Route, Spec, Any]] = [((), root, data)]
    while pending:
        route, spec, value = pending.pop()
        inner = resolve(root, spec)
        if "discriminator" in inner and isinstance(value, dict):
            inner = variants(root, inner).get(str(value.get("kind")), {})
        if isinstance(value, dict):
            known = inner.get("properties", {})
            pending += [((*route, key), known[key], item) for key, item in value.items() if key in known]
        elif isinstance(value, list):
            pending += [((*route, i), inner.get("items", {}), item) for i, item in enumerate(value)]
        else:
            yield route, inner, value


def resolve(root: Spec, spec: Spec) -> Spec:
    """A schema without `$ref` and without the `or null` around it; the help text outside wins over the one inside."""
    if "$ref" in spec:
        spec = {**root["$defs"][spec["$ref"].rpartition("/")[2]], **spec}
        return {key: value for key, value in spec.items() if key != "$ref"}
    options = [option for option in spec.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        return {"nullable": True, **resolve(root, options[0]), **{k: v for k, v in spec.items() if k != "anyOf"}}
    return spec


def variants(root: Spec, spec: Spec) -> dict[str, Spec]:
    """kind -> schema of a section that comes in several kinds."""
    return {kind: resolve(root, {"$ref": ref}) for kind, ref in spec["discriminator"]["mapping"].items()}
