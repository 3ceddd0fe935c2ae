"""What is wrong with a config, in the words of the person who wrote the YAML: no class names, no validator's jargon.

What was expected is described from the JSON Schema of the parameter classes, so that it cannot disagree with them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from detection.errors import BadInput
from jobs.shape import Spec, resolve, variants
from jobs.yamlfile import Document, Position, Problem, Route

Error = Mapping[str, Any]
"""One validation error: `type`, `loc`, and `ctx` for rules, as pydantic's `ValidationError.errors()` lists them."""

BOUNDS: Final = (
    ("exclusiveMinimum", "greater than"),
    ("minimum", "at least"),
    ("exclusiveMaximum", "less than"),
    ("maximum", "at most"),
)
TYPES: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "a block of keys",
}
SHOWN: Final = 40
"""Longest piece of a value that a message repeats."""
SHORT: Final = 6
"""Words of fewer letters are matched more loosely (chosen; see the one-edit typos in tests/test_config.py)."""
PASSWORD: Final = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class RuleBroken(BadInput, ValueError):
    """Rules between several keys are broken: (the keys, dotted, the one to mend first; what is wrong) for each.

    A ValueError too, because that is what validation collects.
    """

    def __init__(self, broken: Sequence[tuple[tuple[str, ...], str]]) -> None:
        super().__init__("; ".join(text for _, text in broken))
        self.broken = tuple(broken)


Rule = tuple[bool, tuple[str, ...], str]
"""Does it hold, the keys it is about, what is wrong if not."""


def require(*rules: Rule) -> None:
    """Check rules; raises RuleBroken with all that fail."""
    if broken := [(keys, text) for holds, keys, text in rules if not holds]:
        raise RuleBroken(broken)


def with_kind(data: dict[str, Any], root: Spec) -> tuple[dict[str, Any], list[Error]]:
    """The data with a usable `kind`, so that its other mistakes are found too, and the error if it had none."""
    kind, kinds = data.get("kind"), list(variants(root, root))
    if kind in kinds:
        return data, []
    guess = _close(str(kind), kinds) or _most_alike(data, root)
    return {**data, "kind": guess}, [{"type": "union_tag_invalid", "loc": ()}]


def _most_alike(data: dict[str, Any], root: Spec) -> str:
    """The kind that knows most of the keys; a monitoring job where several do."""
    known = {kind: len(spec["properties"].keys() & data.keys()) for kind, spec in variants(root, root).items()}
    return max(known, key=lambda kind: (known[kind], kind == "monitor"))


def in_words(errors: Iterable[Error], document: Document, root: Spec) -> list[Problem]:
    """Validation errors -> problems of the file, each once, none for an entry that the YAML reader noted already."""
    told = [p.route for p in document.problems]
    found = list(_problems(_of_their_own(list(errors)), document, root))
    renamed = {(*p.route[:-1], meant) for p, meant in found if meant}
    kept = (p for p, meant in found if (meant or p.route not in renamed) and not _covered(p.route, told))
    return list(dict.fromkeys(kept))


def _of_their_own(errors: Sequence[Error]) -> Iterator[Error]:
    """The errors, without that of a list that is short only because its entries are wrong."""
    for error in errors:
        loc = tuple(error["loc"])
        below = any(len(e["loc"]) > len(loc) and tuple(e["loc"][: len(loc)]) == loc for e in errors)
        if error["type"] != "too_short" or not below:
            yield error


def _covered(route: Route, told: Sequence[Route]) -> bool:
    return any(route[: len(known)] == known for known in told if known)


def _problems(errors: Iterable[Error], document: Document, root: Spec) -> Iterator[tuple[Problem, str]]:
    """(problem, the key that was meant by an unknown one or "")."""
    for error in errors:
        route, spec, siblings = _locate(error["loc"], root)
        if error["type"] == "unexpected_keyword_argument":
            present = _at(document.data, route[:-1])
            meant = _close(str(route[-1]), [k for k in siblings if k not in present]) or _close(
                str(route[-1]), siblings
            )
            yield _problem(document, route, f"unknown key{_instead(root, route, meant, siblings)}", key=True), meant
        elif error["type"] == "value_error":
            for keys, text in _broken(error["ctx"]["error"], _at(document.data, route)):
                yield _problem(document, _first_written(document, route, keys), text), ""
        elif error["type"] in ("union_tag_invalid", "union_tag_not_found"):
            yield _kind_problem(document, route, spec)
        elif error["type"] == "missing":
            yield _problem(document, route, f"missing, expected {expected(root, spec)}"), ""
        else:
            value = _at(document.data, route)
            yield _problem(document, route, f"found {_found(value, spec)}, expected {expected(root, spec, value)}"), ""


def _broken(raised: Exception, section: Any) -> Sequence[tuple[tuple[str, ...], str]]:
    """The rules behind an error; one raised in `detection` names its keys in the text alone."""
    if isinstance(raised, RuleBroken):
        return raised.broken
    named = [word for word in re.findall(r"\w+", str(raised)) if isinstance(section, dict) and word in section]
    return [(tuple(named), str(raised))]


def _locate(loc: Sequence[str | int], root: Spec) -> tuple[Route, Spec, Sequence[str]]:
    """The route in the file, the schema there and the keys legal beside it, for a location that names kinds too."""
    route: Route = ()
    spec: Spec = root
    siblings: Sequence[str] = ()
    for step in loc:
        spec = resolve(root, spec)
        if "discriminator" in spec:
            spec = variants(root, spec)[str(step)]
            continue
        route = (*route, step)
        siblings = list(spec.get("properties", ()))
        spec = spec.get("properties", {}).get(step, {}) if isinstance(step, str) else spec.get("items", {})
    return route, resolve(root, spec), siblings


def _kind_problem(document: Document, route: Route, spec: Spec) -> tuple[Problem, str]:
    """`kind` is missing, misspelt as a key, or names nothing."""
    section, kinds = _at(document.data, route), list(spec["discriminator"]["mapping"])
    if "kind" in section:
        value = section["kind"]
        text = f"found {_found(value, {})}, expected {_one_of(kinds)}{_did_you_mean(value, kinds)}"
        return _problem(document, (*route, "kind"), text), ""
    if typo := _close("kind", list(section)):
        return _problem(document, (*route, typo), "unknown key, did you mean `kind`?", key=True), "kind"
    return _problem(document, (*route, "kind"), f"missing, expected {_one_of(kinds)}"), ""


def _problem(document: Document, route: Route, text: str, *, key: bool = False) -> Problem:
    """A problem at the key or value of a route, or at the nearest entry around it that is written in the file."""
    name = ".".join(map(str, route))
    return Problem(*_where(document, route, key=key), f"{name}: {text}" if name else text, route)


def _where(document: Document, route: Route, *, key: bool) -> Position:
    if not key and route in document.values:
        return document.values[route]
    written = (route[:n] for n in range(len(route), 0, -1) if route[:n] in document.keys)
    return document.keys[place] if (place := next(written, None)) else document.values[()]


def _first_written(document: Document, route: Route, keys: Sequence[str]) -> Route:
    """The first of the keys a rule is about that the file has: what is not written cannot be pointed at."""
    routes = [(*route, *key.split(".")) for key in keys] or [route]
    return next((r for r in routes if r in document.keys), routes[0])


def _at(data: Any, route: Route) -> Any:
    """The value at a route; nothing where the file has none."""
    for step in route:
        if isinstance(data, dict):
            data = data.get(step)
        else:
            data = data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None
    return data


def _close(word: str, words: Sequence[str]) -> str:
    """The word that was probably meant, or "". One edit of a word of n letters leaves a ratio of 1 - 1/n or more."""
    return next(iter(get_close_matches(word, words, 1, 0.6 if len(word) < SHORT else 0.7)), "")


def _did_you_mean(value: Any, words: Sequence[str]) -> str:
    meant = _close(value.lower(), words) if isinstance(value, str) else ""
    return f", did you mean `{meant}`?" if meant else ""


def _instead(root: Spec, route: Route, meant: str, siblings: Sequence[str]) -> str:
    """What to write instead of an unknown key."""
    if meant:
        return f", did you mean `{meant}`?"
    if homes := sorted(set(_homes(root, str(route[-1])))):
        return f" here; it belongs to {' or '.join(homes)}"
    return f", expected one of {', '.join(siblings)}"


def _homes(root: Spec, key: str) -> Iterator[str]:
    """Where else a key is legal."""
    for job_kind, job in variants(root, root).items():
        if key in job["properties"]:
            yield f"the top level of kind {job_kind}"
        for name, section in job["properties"].items():
            spec = resolve(root, section)
            kinds = variants(root, spec) if "discriminator" in spec else {"": spec}
            for kind, inner in kinds.items():
                if key in inner.get("properties", ()):
                    yield f"`{name}`" + (f" of kind {kind}" if kind else "")


def expected(root: Spec, spec: Spec, value: Any = None) -> str:
    """What a schema asks for, in words; `value` is what was found, for a guess at what was meant."""
    null = " or null" if spec.get("nullable") else ""
    choices = list(variants(root, spec)) if "discriminator" in spec else spec.get("enum", [])
    if "properties" in spec or "discriminator" in spec:
        names = [f"kind ({' or '.join(choices)})"] if choices else list(spec["properties"])
        return f"a block of keys such as {', '.join(names[:4])}"
    if "enum" in spec or "const" in spec:
        options = spec.get("enum") or [spec["const"]]
        return _one_of([*options, *(["null"] if null else [])]) + _did_you_mean(value, [str(o) for o in options])
    if spec.get("type") == "array":
        some = "one or more " if spec.get("minItems") else ""
        return f"a list of {some}{_plural(expected(root, resolve(root, spec.get('items', {}))))}{null}"
    if "pattern" in spec:
        about = f": {spec['description'].rstrip('.')}" if "description" in spec else ""
        return f"a text such as `{spec['examples'][0]}`{about}"
    return _simple(spec) + null


def _simple(spec: Spec) -> str:
    """A number, a text, a date, a path."""
    if spec.get("format") == "date":
        return "a date such as 2024-01-31"
    if spec.get("format") == "path":
        return "a path"
    bounds = [f"{words} {spec[key]:g}" for key, words in BOUNDS if key in spec]
    return " ".join([TYPES.get(spec.get("type", ""), "a text"), " and ".join(bounds)]).strip()


def _plural(one: str) -> str:
    return {"a text": "texts", "a number": "numbers", "a whole number": "whole numbers"}.get(
        one, f"entries, each {one}"
    )


def _one_of(options: Sequence[Any]) -> str:
    named = ", ".join(f"`{option}`" for option in options)
    return named if len(options) == 1 else f"one of {named}"


def _found(value: Any, spec: Spec) -> str:
    """A value as its writer would call it; passwords in addresses are not repeated."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        kind = "list" if isinstance(value, list) else "block of keys"
        return f"a {kind}" if value else f"an empty {kind}"
    if not isinstance(value, str):
        return json.dumps(value)
    shown = json.dumps(PASSWORD.sub(r"\1:***@", value), ensure_ascii=False)
    text = shown if len(shown) <= SHOWN else f'{shown[:SHOWN]}..."'
    quoted = spec.get("type") in ("integer", "number") and re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+", value)
    return f"the text {text} (a number has no quotes)" if quoted else f"the text {text}"
