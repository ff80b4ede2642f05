"""docs/draws.md names everything a stranger needs."""

from pathlib import Path

import pytest

from app.draws import bundle

TEXT = (Path(bundle.__file__).parents[2] / "docs" / "draws.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("field", [*bundle.REQUIRED, *bundle.OPTIONAL, "secret", "entropy"])
def test_every_field_is_documented(field: str):
    assert f"`{field}`" in TEXT


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "population.tsv",
        "rules.json",
        "reveal.json",
        "result.tsv",
        "officers.tsv",
        "eligible.tsv",
        "assignment.tsv",
        "changes.json",
        "exclusions.tsv",
        "barred.tsv",
        "SHA256SUMS",
    ],
)
def test_every_file_is_documented(name: str):
    assert f"`{name}`" in TEXT
