"""What a tablet keeps of the feed, written a second time on purpose: not the server's code."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.sync.tablet import Answer, Tablet

Row = dict[str, Any]
Pages = Callable[[Row], None]


@dataclass
class Held:
    """Rows by stream and scope; an entity is shown in the highest version that is present."""

    tablet: Tablet
    cursor: str = ""
    generation: str = ""
    complete: bool = False
    rows: dict[tuple[str, str], dict[tuple[str, str], Row]] = field(default_factory=dict)

    def ask(self, **query: Any) -> Answer:
        """One request, with headers where a name has capitals."""
        headers = {name: query.pop(name) for name in list(query) if name[0].isupper()}
        given = {"cursor": self.cursor, **query}
        text = "&".join(f"{name}={value}" for name, value in given.items())
        return self.tablet.request("GET", f"/feed?{text}", **headers)

    def pull_page(self, **query: Any) -> Row:
        """One page, kept."""
        answer = self.ask(**query)
        assert answer.status == 200, answer.body
        page: Row = json.loads(answer.body)
        self.keep(page)
        return page

    def keep(self, page: Row) -> None:
        """Take a page over."""
        for row in page["rows"]:
            place = (row["stream"], row["scope"])
            if "type" not in row:
                assert row == {"stream": place[0], "scope": place[1], "present": False}
                self.rows.pop(place, None)
                continue
            self.rows.setdefault(place, {})[row["type"], row["id"]] = row
        self.cursor, self.generation = page["cursor"], page["generation"]
        self.complete = self.complete or page["complete"]

    def pull(self, between: Callable[[], None] | None = None, **query: Any) -> list[Row]:
        """Every page until there is no more; `between` happens after each."""
        rows: list[Row] = []
        while True:
            page = self.pull_page(**query)
            rows += page["rows"]
            if not page["more"]:
                return rows
            if between is not None:
                between()

    def shown(self, kind: str) -> dict[str, Row]:
        """The entities of a type that the tablet shows, by id."""
        found: dict[str, Row] = {}
        for row in self._every():
            if row["type"] == kind and row["present"]:
                known = found.get(row["id"])
                if known is None or known["version"] < row["version"]:
                    found[row["id"]] = row
        return found

    def bodies(self, kind: str) -> dict[str, Row]:
        """The bodies of what is shown."""
        return {entity_id: row["body"] for entity_id, row in self.shown(kind).items()}

    def _every(self) -> Iterator[Row]:
        for rows in self.rows.values():
            yield from rows.values()

    def sets(self) -> list[Row]:
        """What `/verify` is told."""
        found: dict[tuple[str, str], list[str]] = {}
        for (_, scope), rows in self.rows.items():
            for (kind, entity_id), row in rows.items():
                if row["present"]:
                    line = f"{entity_id}:{row['version']}\n"
                    found.setdefault((scope, kind), []).append(line)
        return [
            {
                "scope": scope,
                "type": kind,
                "count": len(lines),
                "hash": hashlib.sha256("".join(sorted(lines)).encode()).hexdigest(),
            }
            for (scope, kind), lines in found.items()
        ]

    def verify(self, sets: list[Row] | None = None) -> Row:
        """Ask whether server and tablet agree."""
        asked = {"cursor": self.cursor, "sets": self.sets() if sets is None else sets}
        answer = self.tablet.request("POST", "/verify", asked)
        assert answer.status == 200, answer.body
        return dict(answer.json)
