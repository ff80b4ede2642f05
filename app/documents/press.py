"""The press: a process of its own that sets one document with typst and ends.

It reads a line of JSON (`entry`: which of the files beside it; `data`) and writes the PDF. A
process can be ended in time whatever the typesetter does, and nothing of it stays.
Fonts come from packages alone, never from the machine: the same data gives the same bytes anywhere.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from struct import unpack_from
from typing import Any

import pylopdf_fonts_zh_cn
import typst

HERE = Path(__file__).parent
ENTRIES = frozenset({"document", "file"})
_FONTS = (HERE / "fonts", pylopdf_fonts_zh_cn.serif_path().parent)
_SPACES = re.compile("[\n\t\u00a0\u2007\u202f]")  # those that forbid a break would run off the page
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def characters() -> frozenset[int]:
    """Return the code points that one of the fonts can show."""
    found: set[int] = set()
    for directory in _FONTS:
        for path in sorted(directory.glob("*.otf")):
            found |= _characters_in(path.read_bytes())
    return frozenset(found)


def _characters_in(font: bytes) -> set[int]:
    """Return the code points of a font's widest map: segments of format 12 in its table `cmap`."""
    (tables,) = unpack_from(">H", font, 4)
    starts = {
        font[12 + 16 * n : 16 + 16 * n]: unpack_from(">I", font, 20 + 16 * n)[0]
        for n in range(tables)
    }
    cmap = starts[b"cmap"]
    (maps,) = unpack_from(">H", font, cmap + 2)
    for n in range(maps):
        (offset,) = unpack_from(">I", font, cmap + 8 + 8 * n)
        if unpack_from(">H", font, cmap + offset)[0] == 12:
            (groups,) = unpack_from(">I", font, cmap + offset + 12)
            ranges = (
                unpack_from(">III", font, cmap + offset + 16 + 12 * one) for one in range(groups)
            )
            return {code for first, last, _ in ranges for code in range(first, last + 1)}
    return set()


def shown(text: str, known: frozenset[int]) -> str:
    """Return a text in which what no font shows, and what nobody sees, stands as its code point."""
    text = _SPACES.sub(" ", text)
    if all(ord(one) in known and one.isprintable() for one in text):
        return text
    return "".join(one if _is_seen(one, known) else f"〔U+{ord(one):04X}〕" for one in text)


def _is_seen(one: str, known: frozenset[int]) -> bool:
    return ord(one) in known and unicodedata.category(one) not in _UNSEEN


def walk(value: Any, change: Callable[[str], str]) -> Any:
    """Return JSON with every text in it changed; names of members stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [walk(one, change) for one in value]
    if isinstance(value, dict):
        return {name: walk(one, change) for name, one in value.items()}
    return value


def set_pages(entry: str, data: Any) -> bytes:
    """Return a PDF/A-2b of data, the same bytes for the same data."""
    if entry not in ENTRIES:
        raise ValueError(f"no such entry: {entry}")
    known = characters()
    compiler = typst.Compiler(
        root=str(HERE / "typst"),
        font_paths=typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(one) for one in _FONTS],
        ),
        sys_inputs={
            "data": json.dumps(walk(data, lambda text: shown(text, known)), ensure_ascii=False)
        },
    )
    made = compiler.compile(
        str(HERE / "typst" / f"{entry}.typ"), format="pdf", pdf_standards=["a-2b"], timestamp=0
    )
    if not isinstance(made, bytes):
        raise ValueError("typst made no PDF")  # noqa: TRY004 - of the press, not of its caller
    return made


def main() -> int:
    """Set what stands on the standard input; 1 and the reason on the error output if it cannot."""
    order = json.load(sys.stdin)
    try:
        made = set_pages(order["entry"], order["data"])
    except (RuntimeError, ValueError) as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
