"""Which data set a name means where a folder here is called so too."""

from loadscope.suite.fetch.datasets import meant

OWN = """schema: 1
datasets:
  flowers:
    task: image-classification
    path: photographs
    licence: CC BY 4.0
    form: {adapter: image-label}
"""


def test_an_id_of_the_users_file_goes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers").mkdir()
    (tmp_path / "imagenet").mkdir()
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    assert meant("flowers", [own]) == ("flowers", None)
    # As a run has it, made absolute.
    assert meant(str(tmp_path / "flowers"), [own]) == ("flowers", None)
    assert meant("flowers", [])[0] == ""
    assert meant("imagenet", [own])[0] == ""
