"""The saved tables in the README."""

import json

import pytest
from click import ClickException
from click.testing import CliRunner

from benchmarks import readme
from benchmarks.harness.results import SavedResults
from benchmarks.peers import table
from tests.benchmarks.examples import saved_results, workload_result


def test_a_table_replaces_what_stood_between_its_markers():
    text = "a\n<!-- peers:begin -->\nold\n<!-- peers:end -->\nb"
    assert readme.with_table(text, "peers", "new\n") == "a\n<!-- peers:begin -->\nnew\n<!-- peers:end -->\nb"
    assert readme.with_table(text, "peers", "") == "a\n<!-- peers:begin -->\n<!-- peers:end -->\nb"


@pytest.mark.parametrize(
    "text", ["", "<!-- peers:begin -->", "<!-- peers:end --><!-- peers:begin -->", "<!-- peers:begin -->" * 2]
)
def test_a_readme_without_proper_markers_is_refused(text):
    with pytest.raises(ClickException, match="must hold <!-- peers:begin --> once"):
        readme.with_table(text, "peers", "table")


@pytest.fixture
def saved_files(tmp_path, monkeypatch):
    """A README with empty markers, and no results yet."""
    path = tmp_path / "README.md"
    path.write_text("<!-- peers:begin -->\n<!-- peers:end -->\n")
    monkeypatch.setattr(readme, "README", path)
    monkeypatch.setattr(readme, "TABLES", {"peers": SavedResults("peers", table.markdown, tmp_path)})
    return tmp_path


def check():
    return CliRunner().invoke(readme.main, ["--check"])


def test_results_that_were_not_saved_leave_the_markers_empty(saved_files):
    assert check().exit_code == 0
    assert CliRunner().invoke(readme.main).exit_code == 0
    assert (saved_files / "README.md").read_text() == "<!-- peers:begin -->\n<!-- peers:end -->\n"


def test_the_readme_is_brought_up_to_date_and_checked(saved_files):
    (saved_files / "peers.json").write_text(json.dumps(saved_results(workload_result())))
    stale = check()
    assert stale.exit_code == 1
    assert "differs from the saved results" in stale.output
    assert CliRunner().invoke(readme.main).exit_code == 0
    assert "30.0 (2.5×)" in (saved_files / "README.md").read_text(encoding="utf-8")
    assert check().exit_code == 0
    (saved_files / "peers.md").write_text("something else")
    assert check().exit_code == 1


def test_the_readme_shows_the_saved_results():
    result = check()
    assert result.exit_code == 0, result.output


def test_results_are_saved_beside_their_table(tmp_path):
    saved, results = SavedResults("peers", table.markdown, tmp_path / "results"), saved_results(workload_result())
    assert saved.table() == ""
    saved.save_whole(results, is_whole=False)
    assert not saved.json_file.exists()
    saved.save_whole(results, is_whole=True)
    assert saved.table() == saved.markdown_file.read_text(encoding="utf-8") == table.markdown(results)
