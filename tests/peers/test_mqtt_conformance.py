"""docs/mqtt-conformance.md tells the truth: its tests exist, and no statement is missing."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mqtt-conformance.md"
# The last number of each section of the standards, counted from 1 (or from 2, in 2.2.1 of version 5).
V5 = {
    "1.5.4": 3, "1.5.5": 1, "1.5.7": 1, "2.1.3": 1, "2.2.1": 6, "2.2.2": 1, "3.1.0": 2, "3.1.2": 30, "3.1.3": 12, "3.1.4": 6, "3.2.0": 2,
    "3.2.2": 22, "3.3.1": 13, "3.3.2": 20, "3.3.4": 10, "3.4.2": 3, "3.5.2": 3, "3.6.1": 1, "3.6.2": 3, "3.7.2": 3, "3.8.1": 1, "3.8.3": 5,
    "3.8.4": 8, "3.9.2": 2, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.11.2": 2, "3.11.3": 2, "3.12.4": 1, "3.14.0": 1, "3.14.1": 1,
    "3.14.2": 4, "3.14.4": 3, "3.15.1": 1, "3.15.2": 3, "4.1.0": 2, "4.2.0": 1, "4.3.1": 1, "4.3.2": 5, "4.3.3": 13, "4.4.0": 2, "4.5.0": 2,
    "4.6.0": 6, "4.7.0": 1, "4.7.1": 2, "4.7.2": 1, "4.7.3": 4, "4.8.2": 6, "4.9.0": 3, "4.12.0": 7, "4.12.1": 2, "4.13.1": 1, "4.13.2": 1,
    "6.0.0": 4,
}
V311 = {
    "1.5.3": 3, "2.2.2": 2, "2.3.1": 7, "3.1.0": 2, "3.1.2": 24, "3.1.3": 11, "3.1.4": 5, "3.2.0": 1, "3.2.2": 6, "3.3.1": 12, "3.3.2": 3,
    "3.3.4": 1, "3.3.5": 2, "3.6.1": 1, "3.8.1": 1, "3.8.3": 4, "3.8.4": 6, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.12.4": 1,
    "3.14.1": 1, "3.14.4": 3, "4.1.0": 2, "4.3.1": 1, "4.3.2": 2, "4.3.3": 2, "4.4.0": 1, "4.5.0": 2, "4.6.0": 6, "4.7.1": 3, "4.7.2": 1,
    "4.7.3": 4, "4.8.0": 2, "6.0.0": 4, "7.0.0": 2, "7.1.1": 1, "7.1.2": 1,
}


def rows(title):
    """Number and last column of each row below a heading."""
    part = PAGE.read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in part.splitlines():
        if re.match(r"\| \d", line):
            number, _, how = (cell.strip() for cell in line.strip("|").split("|"))
            assert number not in found, f"{number} twice"
            found[number] = how
    return found


def test_every_test_that_the_page_names_exists():
    sources = [*(ROOT / "tests" / "peers").glob("test_mqtt*.py"), *(ROOT / "crates").glob("*/src/**/*.rs"), *(ROOT / "crates").glob("*/tests/**/*.rs")]
    known = set()
    for source in sources:
        known.update(re.findall(r"(?:def|fn) (\w+)\(", source.read_text()))
    named = {name for title in ("MQTT 5", "MQTT 3.1.1") for how in rows(title).values() for name in re.findall(r"`(\w+)`", how)}
    assert len(named) > 100
    assert named <= known, f"no such tests: {sorted(named - known)}"


def test_no_statement_is_missing():
    for title, sections in (("MQTT 5", V5), ("MQTT 3.1.1", V311)):
        found = rows(title)
        expected = {f"{section}-{number}" for section, last in sections.items() for number in range(1, last + 1)}
        expected -= {"2.2.1-1"} if title == "MQTT 5" else set()
        assert set(found) == expected, (title, set(found) ^ expected)
        assert all(found.values())
