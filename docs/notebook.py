"""Run a notebook's cells in order and write their outputs into it, or check that they are up to date.

`python docs/notebook.py docs/guides/python.ipynb [--check]`. Jupyter is not needed: the cells are plain Python without
magics, and run in an empty folder. What a cell prints and the value of its last line are its output, as in Jupyter; of
an image only whether there is one is compared, since its bytes depend on the encoder's version.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

Output = dict[str, Any]


def run_cells(sources: list[str]) -> list[list[Output]]:
    """Run cells in one namespace, in a new folder.

    Returns:
        The outputs of each cell, as nbformat 4 keeps them.
    """
    namespace: dict[str, Any] = {"__name__": "__notebook__"}
    start = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return [_run_cell(source, number, namespace) for number, source in enumerate(sources, start=1)]
        finally:
            os.chdir(start)


def _run_cell(source: str, number: int, namespace: dict[str, Any]) -> list[Output]:
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    name, value, printed = f"<cell {number}>", None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), name, "exec"), namespace)  # noqa: S102 - our own notebook
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)  # noqa: S307
    outputs: list[Output] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        data: dict[str, Any] = {"text/plain": _lines(repr(value))}
        if png := getattr(value, "_repr_png_", lambda: None)():
            data = {"image/png": base64.b64encode(png).decode(), "text/plain": ["<an image>"]}
        outputs.append({"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data})
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _without_images(outputs: list[Output]) -> list[Output]:
    kept = json.loads(json.dumps(outputs))
    for output in kept:
        if "image/png" in output.get("data", {}):
            output["data"]["image/png"] = ""
    return list(kept)


def main() -> None:
    """Run the notebook that the command line names."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"  # The logger writes to stdout, which is compared.
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="only report cells whose outputs differ")
    options = parser.parse_args()
    notebook = json.loads(options.notebook.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    made = run_cells(["".join(cell["source"]) for cell in cells])
    if options.check:
        different = [
            f"cell {number}: {json.dumps(outputs, ensure_ascii=False)[:2000]}"
            for number, (cell, outputs) in enumerate(zip(cells, made, strict=True), start=1)
            if _without_images(cell["outputs"]) != _without_images(outputs)
        ]
        sys.exit("\n".join(different) or None)
    for number, (cell, outputs) in enumerate(zip(cells, made, strict=True), start=1):
        cell["execution_count"], cell["outputs"] = number, outputs
    options.notebook.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
