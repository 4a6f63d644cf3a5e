"""Field masks: `a.b,c(d,e/f)` as a tree of names, and what an answer is under one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from tests.emulators.google.refusals import Refused, Unemulated

Mask = dict[str, Any]
"""Names, each with the mask below it. An empty mask stands for everything."""

ANY: Mask = {"*": {}}
"""In a table of known fields: whatever stands below."""

_TOKEN = re.compile(r"\s*([A-Za-z_]+|\*|[.,/()])\s*")


def camel(name: str) -> str:
    """The JSON name of a field: Google takes snake_case as well."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def camels(node: Any) -> Any:
    """*node* with every name in camelCase."""
    if isinstance(node, list):
        return [camels(item) for item in node]
    if isinstance(node, dict):
        return {camel(name) if "_" in name else name: camels(value) for name, value in node.items()}
    return node


@lru_cache(maxsize=256)
def _parsed(text: str) -> Mask:
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise Refused(f"Request contains an invalid argument: fields {text}")
    mask: Mask = {}
    stack, here = [mask], mask
    for token in tokens:
        if token == "(":
            stack.append(here)
        elif token == ")":
            stack.pop()
        elif token == ",":
            here = stack[-1]
        elif token not in "./*":
            here = here.setdefault(camel(token), {})
    return mask


def parsed(text: str, known: Mask, where: str) -> Mask:
    """The tree of *text*; raises Unemulated for names that the table *known* does not have."""
    mask = _parsed(text)
    _check(mask, known, where)
    return mask


def _check(mask: Mask, known: Mask, where: str) -> None:
    if known is ANY:
        return
    for name, below in mask.items():
        if name not in known:
            raise Unemulated(f"{where}: {name}")
        _check(below, known[name], f"{where}.{name}")


def masked(node: Any, mask: Mask) -> Any:
    """What is left of an answer under *mask*."""
    if not mask:
        return node
    if isinstance(node, list):
        return [masked(item, mask) for item in node]
    if not isinstance(node, dict):
        return node
    return {name: masked(node[name], below) for name, below in mask.items() if name in node}


def merged(old: dict[str, Any], new: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """*old* with the fields of *mask* as *new* has them; what *new* lacks is gone."""
    if not mask:
        return dict(new)
    result = dict(old)
    for name, below in mask.items():
        value = new.get(name)
        if below and isinstance(value, dict | None):
            value = merged(result.get(name) or {}, value or {}, below) or None
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result
