"""What the images leave out of an environment: nothing that the project's programs load.

Packages' own tests, headers and compiled sources; symbols for debuggers; parts of PyArrow and of Spark that aren't used
here (Flight, Hive, Kubernetes, RocksDB, MLlib, GraphX, the Scala shell); what writes fonts into PDF and PostScript.
Python's sources are compiled, since containers can't write beside them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setup.parts import Setup

_TESTS = {"tests", "test"}
_SOURCES = {".c", ".cpp", ".pyx", ".pyi"}
"""Of what is compiled already, and for type checkers."""
_UNUSED = (
    "pip", "setuptools", "pkg_resources", "wheel",
    "pyarrow/include", "pyarrow/src", "pyarrow/libarrow_flight*", "pyarrow/libarrow_python_flight*", "pyarrow/_flight*",
    "pyspark/examples", "pyspark/data", "pyspark/jars/rocksdbjni-*", "pyspark/jars/hive-*", "pyspark/jars/derby-*",
    "pyspark/jars/datanucleus-*", "pyspark/jars/kubernetes-*", "pyspark/jars/spark-kubernetes_*",
    "pyspark/jars/spark-hive*", "pyspark/jars/scala-compiler-*", "pyspark/jars/spark-repl_*", "pyspark/jars/breeze_*",
    "pyspark/jars/spire*", "pyspark/jars/spark-mllib*", "pyspark/jars/cats-kernel_*", "pyspark/jars/algebra_*",
    "pyspark/jars/JTransforms-*", "pyspark/jars/arpack*", "pyspark/jars/lapack-*", "pyspark/jars/blas-*",
    "pyspark/jars/spark-graphx_*",
    "zstandard/_cffi*",
    "fontTools/[c-e]*Lib", "fontTools/[m-v]*Lib", "fontTools/feaLib",
    "fontTools/subset", "fontTools/cu2qu", "fontTools/qu2cu", "fontTools/pens", "fontTools/merge",
    "fontTools/unicodedata", "matplotlib/mpl-data/sample_data", "xgboost/testing",
    "jedi/third_party/django-stubs",
)  # fmt: skip
_LANGUAGES = re.compile(r"(en|root)(_.*)?\.dat")
_SERVICES = {"s3", "sts", "sso", "sso-oidc"}
"""Of AWS: those that give access to objects."""
_RARELY = (
    "fontTools|debugpy|hive_metastore|pygments/lexers|altair|jedi|babel|wcwidth|_pytest|"
    "sqlalchemy/dialects/(oracle|mssql|mysql)|pyspark/(pandas|ml|mllib)"
)
"""Not compiled: hardly any process loads them."""


def slim(setup: Setup, name: str, site: Path) -> int:
    """Leave out of a ``site-packages`` folder what is not needed; returns the bytes saved.

    Raises:
        SetupError: a program failed.
    """
    before = _size(site)
    for pattern in _UNUSED:
        for path in site.glob(pattern):
            _remove(path)
    for path in [folder for folder in site.rglob("*") if folder.name in _TESTS and folder.is_dir()]:
        _remove(path)
    for path in [file for file in site.rglob("*") if file.suffix in _SOURCES and file.is_file()]:
        path.unlink()
    for path in site.glob("babel/locale-data/*.dat"):
        if not _LANGUAGES.fullmatch(path.name):
            path.unlink()
    for path in site.glob("botocore/data/*"):
        if path.is_dir() and path.name not in _SERVICES:
            _remove(path)
    libraries = [path for path in site.rglob("*.so*") if path.is_file() and not path.is_symlink() and _may_strip(path)]
    if libraries:
        setup.run(name, ["strip", "--strip-unneeded", *libraries])
    # As one that is never compared with its source: times of files differ from layer to layer.
    python: list[str | Path] = [site.parents[2] / "bin" / "python", "-m", "compileall", "-q", "-j", "0"]
    setup.run(name, [*python, "--invalidation-mode", "unchecked-hash", "-x", f"/({_RARELY})/", site])
    return before - _size(site)


def _may_strip(path: Path) -> bool:
    """Libraries that a wheel's tools moved (``scipy.libs``) have been patched in a way that strip doesn't survive."""
    return not any(part.endswith(".libs") for part in path.parts)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
