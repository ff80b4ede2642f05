"""TSV and JSON as every file of a draw is written: one row, one digest, nothing left to taste."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.draws.rules import DrawFileChanged, DrawFileMalformed, check_name


class ManifestChanged(DrawFileChanged):
    code, title = "draw-manifest-changed", "公告被改动过"


class ListChanged(DrawFileChanged):
    code, title = "draw-list-changed", "名单被改动过"


class RulesChanged(DrawFileChanged):
    code, title = "draw-rules-changed", "权重规则被改动过"


class ResultChanged(DrawFileChanged):
    code, title = "draw-result-changed", "结果被改动过"


_CHANGED: Mapping[str, type[DrawFileChanged]] = {
    "manifest.json": ManifestChanged,
    "population.tsv": ListChanged,
    "rules.json": RulesChanged,
    "result.tsv": ResultChanged,
    "eligible.tsv": ResultChanged,
    "assignment.tsv": ResultChanged,
}
BLOCK_BYTES = 1 << 18
NUMBER = re.compile("0|[1-9][0-9]{0,17}")  # decimal, no leading zero


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_digest(name: str, data: bytes, expected: str | None) -> None:
    """Refuse a file that is not the one whose SHA-256 was promised (None: no promise).

    Raises the kind of DrawFileChanged that says which file it is.
    """
    if expected is not None and sha256_of(data) != expected:
        raise changed(name)


def changed(name: str) -> DrawFileChanged:
    """Return the problem of a file that is not the one whose digest was promised."""
    kind = _CHANGED.get(name, DrawFileChanged)
    return kind(f"{name} 的摘要与公告和日志中的不符，文件被改动过。", file=name)


def write_json(value: object) -> bytes:
    """Return RFC 8785 bytes of a value made of objects, lists, texts and integers."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: object) -> object:
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return {name: _ordered(value[name]) for name in names}
    if isinstance(value, list | tuple):
        return [_ordered(one) for one in value]
    return value


def read_json(name: str, data: bytes) -> dict[str, Any]:
    """Return a JSON object; doubled keys and numbers that are no integers are refused."""
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_without_doubles,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        raise DrawFileMalformed(f"{name} 不是格式正确的 JSON：{error}。") from error
    if not isinstance(value, dict):
        raise DrawFileMalformed(f"{name} 应当是一个 JSON 对象。")
    return value


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("键重复")
    return found


def _no_float(text: str) -> object:
    raise ValueError(f"{text} 不是整数")


def write_tsv(rows: Iterable[Sequence[str]]) -> bytes:
    """Return the rows as lines in byte order, LF after every line, no header."""
    return b"".join(sorted(("\t".join(row) + "\n").encode() for row in rows))


def read_tsv(name: str, data: bytes, columns: int) -> list[list[str]]:
    """Return the rows of a small file; raises DrawFileMalformed with the name of the file."""
    rows = [line.decode().split("\t") for lines in line_blocks(name, [data]) for line in lines]
    if wrong := [row for row in rows if len(row) != columns]:
        raise DrawFileMalformed(f"{name} 每行应当有 {columns} 列，这一行不是：{wrong[0]}。")
    return rows


def line_blocks(name: str, blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of a stream some at a time: text in NFC, in byte order, none twice."""
    rest = last = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        if not lines:
            continue
        _check_text(name, lines)
        if (last and last >= lines[0]) or any(a >= b for a, b in pairwise(lines)):
            raise DrawFileMalformed(f"{name} 的行没有按字节排序，或者有重复的行。")
        last = lines[-1]
        yield lines
    if rest:
        raise DrawFileMalformed(f"{name} 的最后一行没有换行符。")


def _check_text(name: str, lines: list[bytes]) -> None:
    try:
        text = b"\t".join(lines).decode()
    except UnicodeDecodeError as error:
        raise DrawFileMalformed(f"{name} 不是 UTF-8 文本。") from error
    if not text.replace("\t", "").isprintable() or not unicodedata.is_normalized("NFC", text):
        raise DrawFileMalformed(f"{name} 含有不能显示的字符，或者不是规范的 Unicode（NFC）写法。")


def blocks_of(data: bytes) -> Iterator[bytes]:
    """Cut a file in memory so that its lines are never all held twice."""
    return (data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES))


def read_number(name: str, text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise DrawFileMalformed(f"{name} 中的“{text}”不是十进制整数。")
    return int(text)


def read_names(name: str, text: str) -> frozenset[str]:
    """Return the names of a comma-joined field, which may be empty but not name one twice."""
    names = text.split(",") if text else []
    for one in names:
        check_name(one)
    if len(set(names)) != len(names):
        raise DrawFileMalformed(f"{name} 中“{text}”有重复的名称。")
    return frozenset(names)


def write_names(names: Iterable[str]) -> str:
    """Return names comma-joined in byte order."""
    return ",".join(sorted(names, key=str.encode))
