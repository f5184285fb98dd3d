import os
import subprocess

import pytest
from workspace_helpers import git, tree

from treadle.protocol.errors import PathError
from treadle.workspace.base import open_base
from treadle.workspace.changes import EXECUTABLE, LINK, REGULAR, digest
from treadle.workspace.view import MergedView


def view(root, spec="tree"):
    return MergedView(open_base(root, spec))


def test_reads_through_changes_to_the_base(repo):
    before = tree(repo)
    seen = view(repo)
    changed = seen.write("a.txt", "new\n").write("src/deep/y.py", b"\xff\n").delete("src/x.py")
    assert changed.text("a.txt") == "new\n"
    assert changed.text("src/deep/y.py") == "\udcff\n"
    assert changed.read("src/deep/y.py") == b"\xff\n"
    assert not changed.exists("src/x.py")
    assert changed.files() == (".gitignore", "a.txt", "link", "run.sh", "src/deep/y.py")
    assert seen.files() == (".gitignore", "a.txt", "link", "run.sh", "src/x.py")
    assert seen.mode("run.sh") == EXECUTABLE
    assert seen.mode("link") == LINK
    assert seen.read("link") == b"a.txt"
    assert tree(repo) == before


def test_before_is_the_digest_of_the_base_whatever_was_written_between(repo):
    seen = view(repo).write("a.txt", "1").write("a.txt", "2").write("new", "n")
    assert seen.changes.get("a.txt").before == digest(b"one\ntwo\n")
    assert seen.changes.get("new").before is None
    assert seen.delete("a.txt").changes.get("a.txt").before == digest(b"one\ntwo\n")


def test_what_equals_the_base_again_is_no_change(repo):
    seen = view(repo).write("a.txt", "1").write("new", "n")
    back = seen.write("a.txt", "one\ntwo\n").delete("new")
    assert not back.changes
    assert (
        view(repo).write("run.sh", view(repo).read("run.sh"), REGULAR).changes.get("run.sh").mode == REGULAR
    )


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x",
        "src/../../x",
        "",
        ".",
        "a\0b",
        ".git/config",
        "src/.GIT/x",
        "out/secret",
        "..",
        "up/.git/x",
    ],
)
def test_refuses_paths_that_leave(repo, tmp_path, path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    (repo / "out").symlink_to("../outside")
    (repo / "up").symlink_to(".")
    for act in (view(repo).read, view(repo).delete, view(repo).exists, lambda p: view(repo).write(p, "x")):
        with pytest.raises(PathError):
            act(path)


def test_sibling_with_the_same_beginning_is_outside(repo, tmp_path):
    (tmp_path / "repo-evil").mkdir()
    (tmp_path / "repo-evil" / "f").write_text("s")
    (repo / "evil").symlink_to("../repo-evil")
    with pytest.raises(PathError):
        view(repo).read("evil/f")


def test_a_link_inside_may_be_read_through_and_not_written_through(repo):
    (repo / "alias").symlink_to("src")
    assert view(repo).text("alias/x.py") == "X = 1\n"
    with pytest.raises(PathError, match="is a link"):
        view(repo).write("alias/new.py", "")
    with pytest.raises(PathError, match=r"link to a\.txt"):
        view(repo).write("link", "x")
    assert view(repo).write("link", "src/x.py", LINK).read("link") == b"src/x.py"


def test_folder_and_file_take_each_others_place(repo):
    with pytest.raises(PathError, match="is a file"):
        view(repo).write("a.txt/b", "")
    with pytest.raises(PathError, match="is a folder"):
        view(repo).write("src", "")
    assert view(repo).delete("a.txt").write("a.txt/b", "").files()[1] == "a.txt/b"
    flat = view(repo).delete("src/x.py").write("src", "s")
    assert flat.files()[-1] == "src"
    assert not flat.exists("src/x.py")


def test_pipes_are_no_files(repo):
    os.mkfifo(repo / "pipe")
    assert "pipe" not in view(repo).files()
    with pytest.raises(PathError):
        view(repo).read("pipe")


@pytest.mark.parametrize("spec", ["tree", "index", "HEAD"])
def test_diff_applies_with_git_and_gives_the_same_files(repo, tmp_path, spec):
    seen = view(repo, spec)
    changed = (
        seen.write("a.txt", "one\n2\nno end")
        .write("src/x.py", "X = 2\n", EXECUTABLE)
        .write("new dir/a b\tc.txt", "n\n")
        .write("empty", "")
        .write("link", "run.sh", LINK)
        .write('quote"d', "x")
        .write("sépia", "é\n")
        .delete("run.sh")
    )
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(repo), str(copy))
    patch = changed.diff().encode("utf-8", "surrogateescape")
    subprocess.run(["git", "apply", "-"], cwd=copy, input=patch, check=True)
    assert view(copy).files() == changed.files()
    for path in changed.files():
        assert view(copy).read(path) == changed.read(path), path
        assert view(copy).mode(path) == changed.mode(path), path


def test_diff_is_worded_as_gits(repo):
    changed = view(repo).write("a.txt", "one\n2").write("bin", b"\0\1").delete("src/x.py")
    assert changed.diff() == (
        "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
        "\\ No newline at end of file\n"
        "diff --git a/bin b/bin\nnew file mode 100644\nBinary files /dev/null and b/bin differ\n"
        "diff --git a/src/x.py b/src/x.py\ndeleted file mode 100644\n--- a/src/x.py\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-X = 1\n"
    )
    assert view(repo).diff() == ""
