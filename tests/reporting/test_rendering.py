"""Every report and page comes from a template that escapes, and from wherever the library lies."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from afterbell.cluster.submission import library_zip
from afterbell.evaluation.report import render_held
from afterbell.evaluation.since import Change
from afterbell.reporting.rendering import environment, style_sheet

LIBRARY = Path(__file__).resolve().parents[2] / "include" / "afterbell"
TEMPLATES = sorted(LIBRARY.rglob("templates/*.html"))
NASTY = "</style><script>alert('x')</script>"


def test_what_a_template_is_given_is_escaped_and_what_it_isnt_given_is_an_error() -> None:
    template = environment().from_string('<p title="{{ text }}">{{ text }}</p>')
    assert (
        template.render(text='<b a="1">&') == '<p title="&lt;b a=&#34;1&#34;&gt;&amp;">&lt;b a=&#34;1&#34;&gt;&amp;</p>'
    )
    assert template.render(text=Markup("<svg/>")) == '<p title="<svg/>"><svg/></p>'
    with pytest.raises(UndefinedError, match="'text' is undefined"):
        template.render()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_no_template_lets_text_of_the_data_through(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", source)


def test_no_module_builds_html() -> None:
    """Elements of a page in a string of Python; drawings and the words of HDFS's XML are none."""
    tag = re.compile(r"</?(div|p|table|tr|td|th|h[1-6]|ul|ol|li|dl|dt|dd|style|body|html)\b[^>]*>")
    built = [
        f"{path.relative_to(LIBRARY)}:{node.lineno}"
        for path in LIBRARY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and tag.search(node.value)
    ]
    assert built == []


def held() -> str:
    since = ("2020-06-01", [Change(NASTY, "keep", "hold")])
    return render_held("2020-06-02", "run", NASTY, {"rows": 7, "refused_drops": [NASTY]}, [NASTY], since)


def test_a_held_report_has_what_it_must_escaped_and_the_style_sheet_of_the_pages_within() -> None:
    page = held()
    escaped = "&lt;/style&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert "<script" not in page
    assert page.count(escaped) == 4
    assert page.count("</style>") == 1
    assert f"<td>{escaped}</td><td>keep</td><td>hold</td>" in page
    assert "Held: a person has to look" in page
    assert style_sheet().decode().strip() in page
    assert not re.search(r"(src|href)=|@import|url\(", page)


def test_out_of_a_zip_a_report_has_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    library = library_zip(LIBRARY.parent, tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import afterbell; assert sys.argv[1] in afterbell.__file__\n"
        "from afterbell.evaluation.report import render_held\n"
        "from afterbell.evaluation.since import Change\n"
        f"since = ('2020-06-01', [Change({NASTY!r}, 'keep', 'hold')])\n"
        f"data = {{'rows': 7, 'refused_drops': [{NASTY!r}]}}\n"
        f"sys.stdout.write(render_held('2020-06-02', 'run', {NASTY!r}, data, [{NASTY!r}], since))"
    )
    for seed in ("1", "2"):
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONHASHSEED": seed}
        made = subprocess.run(
            [sys.executable, "-c", program, library],
            capture_output=True,
            text=True,
            check=True,
            env=environ,
            cwd=tmp_path,
        )
        assert made.stdout == held()


def test_every_room_with_templates_finds_them_in_the_zip(tmp_path: Path) -> None:
    library = library_zip(LIBRARY.parent, tmp_path)
    sent = {path for path in TEMPLATES if "airflow" not in path.parts}
    names = sorted(f"{path.parts[-3]}:{path.name}" for path in sent)
    assert {"quality:quality.html", "evaluation:report.html", "experiments:experiment.html"} <= set(names)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from afterbell.reporting.rendering import environment\n"
        "for name in sys.argv[2:]:\n"
        "    room, _, template = name.partition(':')\n"
        "    made = environment(f'afterbell.{room}')\n"
        "    print(made.loader.get_source(made, template)[0], end='')\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    made = subprocess.run(
        [sys.executable, "-c", program, library, *names],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
        cwd=tmp_path,
    )
    by_name = {f"{path.parts[-3]}:{path.name}": path.read_text(encoding="utf-8") for path in sent}
    assert made.stdout == "".join(by_name[name] for name in names)
