"""The catalogue rows that come with the product, as packaged JSON files.

Every row has `code`, `effective_from`, `effective_to` (the last day, or null), `source`,
`confirmed` and `note`. A code may occur several times with different dates. An unconfirmed row is
a value that an agency can change; its note says why it is not confirmed.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


@cache
def _text(name: str) -> str:
    return (_DATA / f"{name}.json").read_text(encoding="utf-8")


def names() -> list[str]:
    """Return the names of the packaged tables, sorted."""
    return sorted(path.stem for path in _DATA.glob("*.json"))


def rows(name: str) -> list[dict[str, Any]]:
    """Return fresh rows of one packaged table, in the order of the file; see the module's text.

    Raises FileNotFoundError for a name that is not among `names()`.
    """
    found: list[dict[str, Any]] = json.loads(_text(name))
    return found
