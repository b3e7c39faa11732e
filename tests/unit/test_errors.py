"""The tree of errors in `errors.py`, the classes, and the exit codes that the documentation gives them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from framesift import errors
from framesift.errors import FramesiftError

API_PAGE = Path(__file__).parents[2] / "docs/guides/api.md"
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, FramesiftError) and kind.__module__ == errors.__name__
}


def tree() -> dict[str, tuple[str | None, int | None]]:
    """Each class of the docstring's tree: the class it stands below, and the exit code beside it."""
    found: dict[str, tuple[str | None, int | None]] = {}
    above: list[tuple[int, str]] = []
    for line in re.findall(r"^[│ ]*(?:[├└]── )?\w+Error\b.*$", str(errors.__doc__), re.MULTILINE):
        column = re.search(r"\w", line).start()
        above = [(at, name) for at, name in above if at < column]
        parent = above[-1][1] if above else None
        code = re.search(r"\(exit (\d+)\)", line)
        for name, inner, inner_code in re.findall(r"(\w+Error)(?: \((\w+Error)(?:, exit (\d+))?\))?", line):
            found[name] = (parent, int(code[1]) if code else None)
            if inner:
                found[inner] = (name, int(inner_code) if inner_code else None)
        above.append((column, re.search(r"\w+Error", line)[0]))
    return found


def test_the_tree_is_the_classes() -> None:
    assert set(tree()) == set(CLASSES)
    for name, (parent, code) in tree().items():
        kind = CLASSES[name]
        assert parent is None or issubclass(kind, CLASSES[parent]), name
        inherited = CLASSES[parent].exit_code if parent else kind.exit_code
        assert kind.exit_code == (code or inherited), name


def test_the_page_gives_each_error_its_exit_code() -> None:
    table = API_PAGE.read_text("utf-8").partition("## Exit codes")[2]
    rows = re.findall(r"^\| (\d+) \| .* \|(.*)\|$", table, re.MULTILINE)
    named = {int(code): re.findall(r"`(\w+Error)`", examples) for code, examples in rows}
    for code, examples in named.items():
        assert {CLASSES[name].exit_code for name in examples} <= {code}, code
    assert {kind.exit_code for kind in CLASSES.values()} <= set(named)
