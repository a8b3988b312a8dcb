"""The tables of these folders' TOML files: what the documents of each version say, written down from them.

An operation is `call` (method and path below `base`), the `headers` that its document lists (older documents list none), its `query`
parameters and which of them are `required`, the fields of its `form`, the name of its `body` in `requests` (where a complete body
stands, as an example that works; `needed` are the fields that must be there), and by code the shape of the answer's `body` with the
situations in which it comes (`when`: tests/api/conformance/situations.py). `items` is the shape of what a page holds.

A shape is string, integer, boolean, object, none (no body at all), the name of one in `shapes`, [a shape], or one "or null". A field whose
name ends in ? may be absent; else an object has exactly the fields of its shape.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAIN: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "object": dict}


@dataclass(frozen=True)
class Operation:
    face: "Face"
    said: Mapping[str, Any]

    @property
    def method(self) -> str:
        return str(self.said["call"]).partition(" ")[0]

    @property
    def path(self) -> str:
        return str(self.said["call"]).partition(" ")[2]

    def __getitem__(self, name: str) -> Any:
        return self.said.get(name, [])

    def __str__(self) -> str:
        return f"{self.method} {self.face.base}{self.path}"


@dataclass(frozen=True)
class Face:
    name: str
    table: Mapping[str, Any]

    @property
    def base(self) -> str:
        return str(self.table["base"])

    @property
    def operations(self) -> list[Operation]:
        return [Operation(self, said) for said in self.table["operations"]]

    def wrong(self, value: Any, shape: str, at: str = "body") -> Iterator[str]:
        """Where `value` is not of the shape."""
        if shape.startswith("["):
            inner = list(value) if isinstance(value, list) else [value]
            yield from () if isinstance(value, list) else [f"{at} is no array: {value!r}"]
            for number, one in enumerate(inner if isinstance(value, list) else []):
                yield from self.wrong(one, shape[1:-1], f"{at}[{number}]")
        elif shape.endswith(" or null"):
            yield from () if value is None else self.wrong(value, shape.removesuffix(" or null"), at)
        elif shape in PLAIN:
            yield from () if type(value) is PLAIN[shape] else [f"{at} is no {shape}: {value!r}"]
        else:
            yield from self._wrong_fields(value, self.table["shapes"][shape], at)

    def _wrong_fields(self, value: Any, fields: Mapping[str, str], at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no object: {value!r}"
            return
        known = {name.removesuffix("?"): shape for name, shape in fields.items()}
        needed = {name for name in fields if not name.endswith("?")}
        yield from (f"{at}.{name} is missing" for name in needed - set(value))
        yield from (f"{at}.{name} is in no document" for name in set(value) - set(known))
        for name in set(value) & set(known):
            yield from self.wrong(value[name], known[name], f"{at}.{name}")


FACES = [Face(path.stem, tomllib.loads(path.read_text())) for path in sorted(Path(__file__).parent.glob("*.toml"))]
