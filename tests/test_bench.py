"""The benchmarks' table and the peers' locks; the benchmarks themselves are run by `make bench`."""

import json
import re
import subprocess
import sys

import pytest

from bench import figures, peers, run
from bench.figures import Report, figure

PAGE = figure("page", "ms", 12.345, peer="Kinto", theirs=49.3, target=("below", 0.5))
BATCH = figure("batch", "records/s", 20, peer="Kinto", theirs=250.0, target=("above", 1))
ALONE = figure("assignment", "s", 0.123456, target=("at most", 1), words="below 1 s")
PLAIN = figure("page", "ms", 12.345, peer="PouchDB server", theirs=81.0)
REPORTS = [
    Report(name="feed", figures=[PAGE, PLAIN]),
    Report(name="inbox", figures=[BATCH]),
    Report(name="draw", figures=[ALONE]),
]


def test_a_figure_is_ours_through_theirs_with_the_digits_a_measurement_is_worth():
    assert PAGE == {
        "what": "page",
        "unit": "ms",
        "ours": 12.3,
        "peer": "Kinto",
        "theirs": 49.3,
        "ratio": 0.25,
        "target": "below 0.5 of the peer",
        "met": True,
    }


@pytest.mark.parametrize(
    ("goal", "limit", "met"),
    [
        ("below", 2, False),
        ("at most", 2, True),
        ("above", 2, False),
        ("at least", 2, True),
        ("below", 2.01, True),
        ("above", 1.99, True),
        ("at most", 1.99, False),
        ("at least", 2.01, False),
    ],
)
def test_a_target_is_judged_at_its_limit(goal, limit, met):
    assert figure("x", "s", 2.0, peer="p", theirs=1.0, target=(goal, limit))["met"] is met
    assert figure("x", "s", 2.0, target=(goal, limit))["met"] is met


def test_a_figure_without_target_is_not_judged():
    assert (PLAIN["target"], PLAIN["met"]) == ("", None)


def test_the_table_has_a_line_for_each_figure_in_columns_that_stand_below_each_other():
    lines = figures.table(REPORTS).splitlines()
    assert lines[0].split() == ["ours", "beside", "theirs", "ratio", "target", "met"]
    assert [line for line in lines[1:] if not line.startswith(" ")] == ["feed", "inbox", "draw"]
    page, plain = lines[2], lines[3]
    assert " ".join(page.split()) == "page 12.3 ms Kinto 49.3 0.25 below 0.5 of the peer yes"
    assert " ".join(plain.split()) == "page 12.3 ms PouchDB server 81 0.152"
    assert page.index("Kinto") == plain.index("PouchDB")
    assert page.index("49.3") + 4 == plain.index("81") + 2
    assert lines[5].endswith("NO")
    assert " ".join(lines[7].split()) == "assignment 0.123 s below 1 s yes"


def test_wide_characters_do_not_bend_the_table():
    wide = Report(name="x", figures=[figure("检查", "s", 1.0, target=("at most", 1))])
    narrow = Report(name="y", figures=[figure("four", "s", 1.0, target=("at most", 1))])
    lines = figures.table([wide, narrow]).splitlines()
    assert lines[2].index("at most") + 2 == lines[4].index("at most")


def test_the_summary_names_what_was_missed():
    said = figures.summary(REPORTS)
    assert said.splitlines() == ["2 of 3 targets met, not:", "  inbox: batch beside Kinto"]
    assert figures.summary(REPORTS[:1]) == "1 of 1 targets met"


def test_a_report_survives_json_and_is_found_to_be_one():
    for report in REPORTS:
        assert figures.figures_wrong(json.loads(json.dumps(report))) == ""


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"ours": "12"}, "ours of 'page' is '12'"),
        ({"ratio": None}, "'page' names half a peer"),
        ({"met": "yes"}, "met of 'page' is 'yes'"),
        ({"more": 1}, "not the keys of a figure"),
    ],
)
def test_what_is_no_report_is_refused(changed, wrong):
    report = {"name": "feed", "figures": [{**PAGE, **changed}]}
    assert figures.figures_wrong(report).startswith(wrong)


def test_a_report_without_figures_is_refused():
    assert figures.figures_wrong({"name": "feed", "figures": []})
    assert figures.figures_wrong({"name": "feed"})
    assert figures.figures_wrong([])


def test_every_benchmark_is_a_program_that_the_readme_names():
    readme = (peers.HERE / "README.md").read_text()
    for one in run.BENCHMARKS:
        assert (peers.HERE / f"{one.name}.py").exists()
        assert f"`{one.name}.py`" in readme


def test_a_benchmark_that_does_not_exist_is_refused_before_anything_is_installed():
    command = [sys.executable, str(peers.HERE / "run.py"), "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no benchmark nonsense" in done.stderr


def test_the_lock_of_the_peers_in_python_is_hashed_and_names_no_registry():
    lock = (peers.HERE / "requirements.lock").read_text()
    assert not re.search(r"https?:|--index-url|--find-links", lock)
    pins = re.findall(r"^[a-z0-9-]+(?:\[.*\])?==.*$", lock, re.MULTILINE)
    assert {pin.split()[0] for pin in pins} >= {"consistent-sampler==1.0.10"}
    for pin in pins:
        assert pin.endswith("\\"), f"{pin} has no hash"


def test_the_lock_of_the_peers_in_javascript_names_no_registry():
    packages = json.loads((peers.HERE / "package-lock.json").read_text())["packages"]
    assert packages["node_modules/pouchdb"]["version"] == "9.0.0"
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
    assert "omit-lockfile-registry-resolved=true" in (peers.HERE / ".npmrc").read_text()
