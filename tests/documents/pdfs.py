"""PDFs as tests read them: their text, and whether every glyph is on its page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2

_A4 = (595.27, 841.88)
_BLANK = re.compile(r"\s+")


@contextmanager
def _opened(made: bytes) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(made)
    try:
        yield document
    finally:
        document.close()


def text_of(made: bytes) -> str:
    """What a PDF says, page after page, without blanks and ends of lines."""
    with _opened(made) as document:
        return "".join(_BLANK.sub("", one) for one in texts_of(document))


def texts_of(document: pypdfium2.PdfDocument) -> list[str]:
    found = []
    for page in document:
        text = page.get_textpage()
        found.append(str(text.get_text_range()))
        text.close()
        page.close()
    return found


def pages_of(made: bytes) -> list[str]:
    """What each page of a PDF says."""
    with _opened(made) as document:
        return texts_of(document)


def squeezed(text: str) -> str:
    """A text without blanks, as `text_of` has it."""
    return _BLANK.sub("", text)


def outside(made: bytes) -> list[str]:
    """The glyphs that leave the A4 page, and the pages that are none."""
    found = []
    with _opened(made) as document:
        for number, page in enumerate(document, start=1):
            width, height = page.get_size()
            if abs(width - _A4[0]) > 1 or abs(height - _A4[1]) > 1:
                found.append(f"page {number} is {width} × {height}")
            text = page.get_textpage()
            for place in range(text.count_chars()):
                left, bottom, right, top = text.get_charbox(place)
                if left < 20 or bottom < 15 or right > width - 20 or top > height - 20:
                    found.append(f"page {number}: {text.get_text_range(place, 1)!r}")
            text.close()
            page.close()
    return found


def drawn(made: bytes) -> list[int]:
    """How many pictures each page of a PDF shows."""
    with _opened(made) as document:
        image = pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
        return [len(list(page.get_objects(filter=[image]))) for page in document]
