"""Whether what is stored of a draw is still what the journal says it was; nothing here writes.

The digests of every file went into the journal when it was written, and the journal's head is
published daily: whoever changes a stored file would have to change that as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.draws import queries
from app.draws.files import changed, check_digest, sha256_of, write_json
from app.draws.models import Draw
from app.draws.rules import DrawFileChanged, DrawRefused
from app.draws.stages import AUDIENCES, DrawState
from app.errors import DomainError
from app.journal.rules import Event

_DIGEST = "_sha256"
_NAMES: Mapping[str, str] = {
    **{name.partition(".")[0]: name for name in AUDIENCES},
    "bundle": "SHA256SUMS",
}


class EntropyChanged(DrawRefused):
    code, title = "entropy-changed", "随机数在封定之后被改动过"


class SelectionChanged(DrawFileChanged):
    code, title = "draw-selection-changed", "抽中名单与结果文件不符"


class Checked(NamedTuple):
    """One thing that was compared, and the problem found with it."""

    name: str
    problem: DomainError | None


def promised(draw: Draw) -> dict[str, str]:
    """Return the SHA-256 of each file of a draw as the journal has it, by name."""
    found: dict[str, str] = {}
    for data in queries.journal_of(draw.id):
        for key, value in data.items():
            name = _NAMES.get(key.removesuffix(_DIGEST))
            if key.endswith(_DIGEST) and name is not None and value is not None:
                found[name] = value
    return found


def check_files(draw: Draw, contents: Mapping[str, bytes]) -> None:
    """Refuse to go on from files that are not those the journal names.

    Raises the kind of DrawFileChanged that says which; a file that is gone was changed too.
    """
    for name, expected in sorted(promised(draw).items()):
        _check_one(draw, name, contents.get(name), expected)


def entropy_digest(entropy: Sequence[str]) -> str:
    """Return what the journal keeps of public chance once it is sealed."""
    return sha256_of(write_json(list(entropy)))


def check_entropy(draw: Draw, entropy: Sequence[str]) -> None:
    """Refuse public chance that is not what was sealed. Raises EntropyChanged."""
    sealed = [
        data["entropy_sha256"]
        for data in queries.journal_of(draw.id, Event.DRAW_SEEDED)
        if "entropy_sha256" in data
    ]
    if sealed and entropy_digest(entropy) != sealed[-1]:
        raise EntropyChanged("公开的随机数与封定时记入日志的摘要不符，抽取不能进行。")


def compare_stored(draw: Draw) -> Iterator[Checked]:
    """Compare every stored file of a draw, and the selection, with what the journal says of it."""
    for name, expected in sorted(promised(draw).items()):
        file = queries.find_file(draw.id, name)
        content = None if file is None else file.content
        yield Checked(name, _problem(_check_one, draw, name, content, expected))
    if draw.state in (DrawState.DRAWN, DrawState.PUBLISHED):
        yield Checked("draw_selection", _problem(_check_selection, draw))


def _problem(check: Callable[..., None], *arguments: Any) -> DomainError | None:
    try:
        check(*arguments)
    except DomainError as error:
        return error
    return None


def _check_one(draw: Draw, name: str, content: bytes | None, expected: str) -> None:
    """Refuse a file, or the digest in the draw's own row, that is not what the journal names."""
    noted = {"manifest.json": draw.manifest_sha256, "result.tsv": draw.result_sha256}
    if content is None or noted.get(name, expected) != expected:
        raise changed(name)
    check_digest(name, content, expected)


def _check_selection(draw: Draw) -> None:
    """Refuse rows that are not the lots of result.tsv; which became tasks changes with time."""
    file = queries.find_file(draw.id, "result.tsv")
    written = "" if file is None else file.content.decode(errors="replace")
    lots = sorted(line.split("\t") for line in written.splitlines())
    rows = sorted(
        [one.stratum, str(one.weight), str(one.rank), one.archive_no, one.ticket]
        for one in queries.chosen_lots(draw.id)
    )
    if rows != sorted([*line[:3], *line[4:]] for line in lots):
        raise SelectionChanged("抽中和备选的记录与 result.tsv 不符，记录被改动过。")
