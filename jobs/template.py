"""A first config to edit, and the JSON Schema by which editors check it: both made from the parameter classes.

`python -m jobs.template` writes the schema to `docs/job.schema.json`.
"""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jobs import config
from jobs.mistakes import expected
from jobs.shape import Spec, resolve, variants

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_PATH: Final = "../docs/job.schema.json"
"""From `configs/` of this repository."""
WIDTH: Final = 112
UNQUOTED: Final = re.compile(
    r"(?!(?:null|true|false|Null|True|False|NULL|TRUE|FALSE)$)[A-Za-z][A-Za-z0-9_./+-]*(:\w[\w./-]*)?"
)
MADE_UP: Final = {"integer": 1, "number": 1.0, "boolean": True, "array": ["red", "nir"]}
"""Stand-ins for required values whose class gives no example."""
EXAMPLES: Final = {"Project": "your-project"}
"""By title of the key: examples of keys in `detection`, which knows no pydantic to give them with."""


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of every kind of config; `kind` is required wherever it chooses."""
    made: dict[str, Any] = json.loads(json.dumps(config.schema()))
    for block in made["$defs"].values():
        if "kind" in block["properties"]:
            block["required"] = ["kind", *(key for key in block.get("required", ()) if key != "kind")]
    return {"$schema": DIALECT, "title": "Sachawatch job", **made}


def template(kind: str = "monitor") -> str:
    """A commented YAML file of one kind, ready to load: every key with its help text, bounds and default.

    Raises KeyError for a kind that does not exist.
    """
    root = config.schema()
    job = variants(root, root)[kind]
    lines = [f"# yaml-language-server: $schema={SCHEMA_PATH}", *_comment(job["description"], "")]
    for key, spec in job["properties"].items():
        lines += ["", *_entry(root, key, spec, "")]
    return "\n".join(lines) + "\n"


def write_schema(file: Path) -> None:
    """Write the JSON Schema."""
    file.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")


def _entry(root: Spec, key: str, spec: Spec, indent: str) -> Iterator[str]:
    """The lines of one key: help, then the value or the keys below it, then the other kinds as comments."""
    spec = resolve(root, spec)
    if "discriminator" in spec and spec.get("default", ...) is None:
        yield from _comment(f"{spec['description']} Default null; else:", indent)
        for block in variants(root, spec).values():
            yield from (f"{indent}# {line.removeprefix(indent)}" for line in _block(root, key, block, indent))
        yield f"{indent}{key}: null"
    elif "discriminator" in spec:
        yield from _comment(spec["description"], indent)
        yield from _kinds(root, key, variants(root, spec), indent)
    elif "properties" in spec and spec.get("default", ...) is None:
        yield from _comment(f"{spec['description']} Default null; else:", indent)
        yield from (f"{indent}# {line.removeprefix(indent)}" for line in _block(root, key, spec, indent))
        yield f"{indent}{key}: null"
    elif "properties" in spec:
        yield from _comment(spec["description"], indent)
        yield from _block(root, key, spec, indent)
    elif _is_list_of_blocks(root, spec):
        yield from _comment(f"{spec['description']} (a list; {_need(spec)})", indent)
        yield f"{indent}{key}:"
        yield from _items(root, resolve(root, spec["items"]), indent)
    else:
        spec = {"default": {}, **spec} if spec.get("type") == "object" else spec
        allowed = "" if "const" in spec else f" ({_allowed(root, spec)})"
        yield from _comment(spec["description"] + allowed, indent)
        yield f"{indent}{key}: {_yaml(_value(spec), spec)}"


def _block(root: Spec, key: str, spec: Spec, indent: str) -> Iterator[str]:
    yield f"{indent}{key}:"
    shown: dict[str, str] = {}
    for name, inner in spec["properties"].items():
        block = resolve(root, inner)
        same = (
            shown.setdefault(block["title"], name)
            if "properties" in block and block.get("default", ...) is None
            else name
        )
        if same == name:
            yield from _entry(root, name, inner, indent + "  ")
        else:
            yield from _comment(
                f"{block['description']} Default null; else a block of keys as under `{same}`.", indent + "  "
            )
            yield f"{indent}  {name}: null"


def _kinds(root: Spec, key: str, kinds: dict[str, Spec], indent: str) -> Iterator[str]:
    """The first kind that needs nothing as it stands, the others to uncomment."""
    active = next((kind for kind, spec in kinds.items() if not spec.get("required")), next(iter(kinds)))
    yield from _block(root, key, kinds[active], indent)
    for kind, spec in kinds.items():
        if kind != active:
            yield from _comment(f"Instead of the above, kind {kind}: {spec['description'].splitlines()[0]}", indent)
            yield from (f"{indent}# {line.removeprefix(indent)}" for line in _block(root, key, spec, indent))


def _is_list_of_blocks(root: Spec, spec: Spec) -> bool:
    items = resolve(root, spec.get("items", {}))
    return "default" not in spec and ("properties" in items or "discriminator" in items)


def _items(root: Spec, items: Spec, indent: str) -> Iterator[str]:
    """One entry of a list of blocks, the other kinds to uncomment."""
    kinds = variants(root, items) if "discriminator" in items else {"": items}
    active = next((kind for kind, spec in kinds.items() if not spec.get("required")), next(iter(kinds)))
    yield from _item(root, kinds[active], indent)
    for kind, spec in kinds.items():
        if kind != active:
            yield from _comment(f"Another entry, kind {kind}: {spec['description'].splitlines()[0]}", f"{indent}  ")
            yield from (f"{indent}# {line.removeprefix(indent)}" for line in _item(root, spec, indent))


def _item(root: Spec, spec: Spec, indent: str) -> Iterator[str]:
    yield f"{indent}  -"
    for name, inner in spec["properties"].items():
        yield from _entry(root, name, inner, f"{indent}    ")


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), WIDTH - len(indent)):
        yield f"{indent}# {line}"


def _allowed(root: Spec, spec: Spec) -> str:
    """What may stand here, with the default where there is one."""
    plain = {key: value for key, value in spec.items() if key != "pattern"}
    return f"{expected(root, plain)}; {_need(spec)}"


def _need(spec: Spec) -> str:
    return f"default {_yaml(spec['default'], spec)}" if "default" in spec else "required"


def _value(spec: Spec) -> Any:
    """The default; for a required key its example, a legal choice or a stand-in."""
    if "default" in spec:
        return spec["default"]
    choices = spec.get("examples", spec.get("enum", [spec.get("const")]))
    if spec.get("title") in EXAMPLES:
        return EXAMPLES[spec["title"]]
    inner = spec.get("items", {}).get("enum", spec.get("items", {}).get("examples"))
    if choices == [None] and inner:
        return list(inner)[:1]
    return MADE_UP.get(spec.get("type", ""), "data") if choices == [None] else choices[0]


def _yaml(value: Any, spec: Spec) -> str:
    """A scalar or a list of scalars in one line of YAML."""
    if isinstance(value, list):
        return f"[{', '.join(_yaml(item, {}) for item in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = spec.get("format") == "date" or UNQUOTED.fullmatch(value)
    return value if plain else "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    write_schema(Path(__file__).parent.parent / "docs" / "job.schema.json")
