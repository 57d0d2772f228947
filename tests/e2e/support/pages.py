"""The tables of the README and of the pages that it sends its readers to for more of them."""

import re

from support.exporter import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "deploy/reference").glob("*.md"))]


def table_rows(first_column):
    """The rows of every table whose first heading is that, as lists of cells."""
    rows, inside = [], False
    for line in "\n\n".join(page.read_text() for page in PAGES).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_column:
            inside = True
        elif inside and not set(cells[0]) <= set("-"):
            rows.append(cells)
    return rows


def documented_series():
    """{name: (type, labels)}; of a histogram or summary, the name of the whole."""
    return {row[0].strip("`"): (row[1], set(re.findall(r"`([^`]+)`", row[2]))) for row in table_rows("series")}


def anchors(page):
    """What a link into the page may end with, as a forge makes it of a heading."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
