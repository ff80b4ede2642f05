"""The unified social credit code 统一社会信用代码 of units and organs, GB 32100-2015."""

import unicodedata
from enum import StrEnum

from stdnum.cn import uscc as stdnum_uscc

_USCC_LENGTH = 18
_USCC_ALPHABET = frozenset("0123456789ABCDEFGHJKLMNPQRTUWXY")
_DIGITS = frozenset("0123456789")
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


class UsccError(StrEnum):
    LENGTH = "length"
    ALPHABET = "alphabet"
    CHECK_CHARACTER = "check_character"


USCC_DETAILS = {
    UsccError.LENGTH: "统一社会信用代码应为18位。没有代码的请留空。",
    UsccError.ALPHABET: (
        "统一社会信用代码只能含数字和大写字母（I、O、S、V、Z除外），第3至8位为数字。"
    ),
    UsccError.CHECK_CHARACTER: "统一社会信用代码的校验码（第18位）不对，请核对有无错字或颠倒。",
}


def normalise_uscc(text: str) -> str:
    """Return the code as it should be typed: half-width, upper case, no spaces or hyphens."""
    wide = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in wide if not c.isspace() and c != "-")


def uscc_error(code: str) -> UsccError | None:
    """Check length, alphabet and check character of a normalised code (GB 32100-2015).

    The alphabet comes before the check character, because a foreign letter has no value to compute
    with. `stdnum.cn.uscc.validate` is not used: it refuses the registry authorities A, N and Y.
    """
    if len(code) != _USCC_LENGTH:
        return UsccError.LENGTH
    if not (_USCC_ALPHABET.issuperset(code) and _DIGITS.issuperset(code[2:8])):
        return UsccError.ALPHABET
    if uscc_check_character(code) != code[-1]:
        return UsccError.CHECK_CHARACTER
    return None


def uscc_check_character(code: str) -> str:
    """Return the 18th character that belongs to the first 17 of `code`."""
    return stdnum_uscc.calc_check_digit(code[: _USCC_LENGTH - 1])


def subject_id_fits(code: str) -> bool:
    """Say whether characters 9–17 carry their own check character (GB 11714, modulus 11)."""
    total = sum(int(c, 36) * weight for c, weight in zip(code[8:16], _SUBJECT_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11] == code[16]
