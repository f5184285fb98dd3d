import os

import pytest
from workspace_helpers import git, tree

from treadle.protocol.errors import UsageError
from treadle.workspace.base import open_base
from treadle.workspace.git import find_root, git_folders, top_level


def laid_over_the_tree(root, base):
    """The files that the base's delta makes of the work tree."""
    found = {path: open_base(root, "tree").read(path) for path in open_base(root, "tree").files()}
    for path in base.delta:
        if base.delta.get(path).content is None:
            del found[path]
        else:
            found[path] = base.delta.get(path).content
    return found


def test_index_and_commit_are_what_git_stored(repo):
    (repo / "a.txt").write_text("staged\n")
    git(repo, "add", "a.txt")
    (repo / "a.txt").write_text("only in the tree\n")
    (repo / "untracked").write_text("u")
    (repo / "src" / "x.py").unlink()
    (repo / "run.sh").chmod(0o644)
    (repo / "build").mkdir()
    (repo / "build" / "out").write_text("ignored")
    before = tree(repo)
    tree_base, index, head = (open_base(repo, spec) for spec in ("tree", "index", "HEAD"))
    assert tree_base.files() == (".gitignore", "a.txt", "link", "run.sh", "untracked")
    assert index.files() == head.files() == (".gitignore", "a.txt", "link", "run.sh", "src/x.py")
    assert tree_base.read("a.txt") == b"only in the tree\n"
    assert index.read("a.txt") == b"staged\n"
    assert head.read("a.txt") == b"one\ntwo\n"
    assert not tree_base.delta
    assert index.delta.paths == ("a.txt", "run.sh", "src/x.py", "untracked")
    for base in (index, head):
        assert laid_over_the_tree(repo, base) == {path: base.read(path) for path in base.files()}
        assert base.delta.get("run.sh").mode == 0o100755
        assert base.delta.get("untracked").content is None
    assert tree(repo) == before


def test_a_clean_tree_has_an_empty_delta(repo):
    for spec in ("index", "HEAD", "HEAD~0"):
        assert not open_base(repo, spec).delta


def test_line_ends_that_git_settles_are_no_difference(tmp_path):
    root = tmp_path / "crlf"
    root.mkdir()
    git(root, "init", "-q")
    (root / ".gitattributes").write_text("*.txt text eol=crlf\n")
    (root / "a.txt").write_bytes(b"1\r\n2\r\n")
    os.utime(root / "a.txt", (1, 1))
    git(root, "add", ".")
    git(root, "commit", "-qm", "c")
    index = open_base(root, "index")
    assert "a.txt" not in index.delta.paths
    assert index.read("a.txt") == b"1\r\n2\r\n"


def test_unborn_head(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "f").write_text("x")
    assert open_base(tmp_path, "tree").files() == ("f",)
    assert open_base(tmp_path, "index").files() == ()
    head = open_base(tmp_path, "HEAD")
    assert head.files() == ()
    assert head.delta.get("f").content is None


def test_worktree(repo, tmp_path):
    other = tmp_path / "other"
    git(repo, "worktree", "add", "-q", str(other))
    (other / "a.txt").write_text("there\n")
    assert find_root(other / "src") == other
    assert open_base(other, "HEAD").delta.paths == ("a.txt",)
    assert open_base(repo, "HEAD").delta.paths == ()
    assert git_folders(other) == (repo / ".git/worktrees/other", repo / ".git")


def test_submodule_files_are_not_listed(repo, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", str(repo), "sub")
    git(outer, "commit", "-qm", "s")
    (outer / "sub" / "a.txt").write_text("dirty")
    for spec in ("tree", "index", "HEAD"):
        assert open_base(outer, spec).files() == (".gitmodules",)
        assert not open_base(outer, spec).delta


def test_names_that_are_hard_to_say(repo):
    odd = [b"new\nline", b"not\xffutf8", b"-rf", b" spaces ", "ünï".encode(), b'q"uote', b"tab\t"]
    for name in odd:
        with open(os.path.join(os.fsencode(repo), name), "wb") as file:
            file.write(name)
    names = {os.fsdecode(name) for name in odd}
    assert names <= set(open_base(repo, "tree").files())
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "odd")
    for spec in ("tree", "index", "HEAD"):
        base = open_base(repo, spec)
        assert names <= set(base.files())
        assert all(base.read(name) == os.fsencode(name) for name in names)
        assert not base.delta


def test_tracked_folder_replaced_by_a_link_is_not_followed(repo, tmp_path):
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "x.py").write_text("outside")
    (repo / "src" / "x.py").unlink()
    (repo / "src").rmdir()
    (repo / "src").symlink_to("../away")
    assert "src/x.py" not in open_base(repo, "tree").files()
    assert open_base(repo, "HEAD").read("src/x.py") == b"X = 1\n"


def test_without_git(tmp_path):
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "__pycache__" / "m.pyc").write_text("")
    (tmp_path / "pkg" / "m.py").write_text("")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "j.js").write_text("")
    (tmp_path / "loop").symlink_to(".")
    assert find_root(tmp_path / "pkg") == tmp_path / "pkg"
    assert top_level(tmp_path) is None
    assert open_base(tmp_path, "tree").files() == ("loop", "pkg/m.py")
    for spec in ("index", "HEAD"):
        with pytest.raises(UsageError):
            open_base(tmp_path, spec)


def test_no_such_commit(repo):
    for spec in ("nope", "--help", "HEAD:a.txt"):
        with pytest.raises(UsageError, match="commit"):
            open_base(repo, spec)


def test_a_work_tree_named_by_configuration_is_not_believed(repo, tmp_path):
    git(repo, "config", "core.worktree", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    assert find_root(repo) == repo


def test_reading_runs_nothing_of_the_repository(repo, tmp_path):
    mark = tmp_path / "ran"
    hostile = repo / "hostile.sh"
    hostile.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    hostile.chmod(0o755)
    (repo / ".gitattributes").write_text("* filter=evil diff=evil\n")
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.command",
                "diff.evil.textconv", "diff.external", "core.sshCommand", "core.pager"):  # fmt: skip
        git(repo, "config", key, str(hostile))
    git(repo, "config", "core.hooksPath", str(repo / "hooks"))
    (repo / "a.txt").write_text("changed\n")
    for spec in ("tree", "index", "HEAD"):
        base = open_base(repo, spec)
        assert [base.read(path) for path in base.files()]
        assert base.delta is not None
    assert not mark.exists()
    git(repo, "-c", "core.pager=cat", "status")
    assert mark.exists(), "the trap must be able to spring"
