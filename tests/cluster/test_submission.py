"""What goes along with a submission is the same bytes for the same sources."""

import subprocess
import sys
import zipfile

from afterbell.cluster.submission import library_zip


def _package(folder, body="x = 1\n"):
    (folder / "afterbell" / "airflow").mkdir(parents=True)
    (folder / "afterbell" / "__init__.py").write_text(body)
    (folder / "afterbell" / "airflow" / "__init__.py").write_text("import airflow\n")
    return folder


def test_equal_sources_give_equal_bytes_and_other_sources_another_file(tmp_path):
    first = library_zip(_package(tmp_path / "a"), tmp_path / "one")
    again = library_zip(_package(tmp_path / "b"), tmp_path / "two")
    other = library_zip(_package(tmp_path / "c", "x = 2\n"), tmp_path / "one")
    assert first.name == again.name != other.name
    assert first.read_bytes() == again.read_bytes()


def test_rooms_that_drivers_never_enter_stay_behind(tmp_path):
    with zipfile.ZipFile(library_zip(_package(tmp_path / "a"), tmp_path / "out")) as archive:
        assert archive.namelist() == ["afterbell/__init__.py", "afterbell/__init__.pyc"]


def test_templates_are_sent_along_and_those_of_rooms_that_stay_behind_are_not(tmp_path):
    package = _package(tmp_path / "a") / "afterbell"
    for room in ("quality", "airflow"):
        (package / room / "templates").mkdir(parents=True)
        (package / room / "templates" / "page.html").write_text("<p>{{ text }}</p>")
    archive = library_zip(tmp_path / "a", tmp_path / "out")
    with zipfile.ZipFile(archive) as sent:
        assert [name for name in sent.namelist() if "templates" in name] == ["afterbell/quality/templates/page.html"]
        assert sent.read("afterbell/quality/templates/page.html") == b"<p>{{ text }}</p>"
    (package / "quality" / "templates" / "page.html").write_text("<p>Another: {{ text }}</p>")
    assert library_zip(tmp_path / "a", tmp_path / "out").name != archive.name


def test_a_checkout_below_a_folder_named_airflow_is_sent_all_the_same(tmp_path):
    with zipfile.ZipFile(library_zip(_package(tmp_path / "airflow" / "cli"), tmp_path / "out")) as archive:
        assert archive.namelist() == ["afterbell/__init__.py", "afterbell/__init__.pyc"]


def test_what_is_compiled_is_loaded_and_its_source_is_still_found(tmp_path):
    package = _package(tmp_path / "a", "def answer():\n    return 42\n")
    archive = library_zip(package, tmp_path / "out")
    program = (
        "import inspect, sys; sys.path.insert(0, sys.argv[1]); import afterbell; "
        "print(afterbell.__file__[-4:], afterbell.answer(), inspect.getsource(afterbell))"
    )
    found = subprocess.run([sys.executable, "-I", "-c", program, archive], capture_output=True, text=True, check=True)
    assert found.stdout == ".pyc 42 def answer():\n    return 42\n\n"


def test_a_python_of_another_version_loads_the_text(tmp_path):
    archive = library_zip(_package(tmp_path / "a", "x = 7\n"), tmp_path / "out")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(archive) as found, zipfile.ZipFile(other, "w") as made:
        for name in found.namelist():
            body = found.read(name)
            made.writestr(name, b"\0\0\r\n" + body[4:] if name.endswith("c") else body)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import afterbell; print(afterbell.__file__[-3:], afterbell.x)"
    )
    found = subprocess.run([sys.executable, "-I", "-c", program, other], capture_output=True, text=True, check=True)
    assert found.stdout == ".py 7\n"
