"""What goes along with a submission is the same bytes for the same sources."""

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
        assert archive.namelist() == ["afterbell/__init__.py"]


def test_a_checkout_below_a_folder_named_airflow_is_sent_all_the_same(tmp_path):
    with zipfile.ZipFile(library_zip(_package(tmp_path / "airflow" / "cli"), tmp_path / "out")) as archive:
        assert archive.namelist() == ["afterbell/__init__.py"]
