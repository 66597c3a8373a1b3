"""``python -m tests.suite.notebooks``: the code of the notebooks as modules, whose types are checked.

A notebook runs in a container only: a name that the library no longer has would be noticed there first.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.suite.rooms import ROOT

NOTEBOOKS = ROOT / "include" / "containers" / "notebooks"
_HEADER = "from typing import Any\n\n\ndef display(*values: Any) -> None: ...\n\n\n"
"""``display`` is IPython's own."""
_EXPRESSIONS = re.compile(r"^from pyiceberg\.expressions import (\w+)$", re.MULTILINE)
"""PyIceberg's expressions are pydantic models, which take arguments by place that mypy does not see."""
_OPTIONS = (
    "--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls", "--allow-any-generics",
    "--no-warn-return-any", "--ignore-missing-imports",
)  # fmt: skip


def module_of(notebook: str) -> str:
    """The code cells of a notebook's text as one module."""
    cells = json.loads(notebook)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return _HEADER + _EXPRESSIONS.sub(r"from pyiceberg import expressions as ice\n\n\1: Any = ice.\1", code) + "\n"


def write_modules(folder: Path) -> list[Path]:
    """Write every notebook's module into a folder, as ``notebook_NAME.py``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        path = folder / f"notebook_{notebook.stem.replace('-', '_')}.py"
        path.write_text(module_of(notebook.read_text(encoding="utf-8")), encoding="utf-8")
        paths.append(path)
    return paths


def main(mypy: list[str]) -> int:
    """Check the notebooks with the command ``mypy``; its exit status."""
    paths = write_modules(ROOT / ".afterbell" / "tests" / "notebooks")
    return subprocess.run([*mypy, *_OPTIONS, *map(str, paths)], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
