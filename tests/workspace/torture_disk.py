"""A disk that forgets: a recorded trace of calls replayed up to a crash, what no fsync made lasting dropped at random.

The model: names of one folder last in the order in which they changed, up to a random one, and at least up to the
last fsync of that folder; a renaming counts in both its folders at once. A file's bytes last as of its last fsync; what
was written since is there, or not, or in part, or as zeros. Folders are independent of each other and of files' bytes.
"""

import os
import re
import shutil
from pathlib import Path

_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?')


class Node:
    """A file, link or folder. `lasting` and `now` are (bytes, mode); a folder's names stand in the disk's steps."""

    def __init__(self, kind, content=b"", mode=0o600):
        self.kind = kind
        self.lasting = self.now = (content, mode)
        self.names = {}
        self.started = {}


class Disk:
    def __init__(self, folders):
        self.tops = {str(folder): self._read(Path(folder)) for folder in folders}
        self.steps = []
        self.synced = {}
        self.sizes = []
        self.open = {}

    def _read(self, path):
        if path.is_symlink():
            return Node("link", os.fsencode(os.readlink(path)))
        if path.is_file():
            return Node("file", path.read_bytes(), path.stat().st_mode & 0o7777)
        node = Node("folder", mode=path.stat().st_mode & 0o7777)
        node.names = {child.name: self._read(child) for child in path.iterdir()}
        node.started = dict(node.names)
        return node

    def _find(self, path):
        """(folder, name) of an absolute path, None outside of the disk."""
        for top, node in self.tops.items():
            if path == top:
                return node, ""
            if path.startswith(top + "/"):
                parts = path[len(top) + 1 :].split("/")
                for part in parts[:-1]:
                    node = node.names[part]
                return node, parts[-1]
        return None

    def _node(self, path):
        found = self._find(path)
        if found is None:
            return None
        folder, name = found
        return folder.names.get(name) if name else folder

    def _set(self, *changes):
        """One step: each (folder, name, node or None)."""
        self.steps.append(changes)
        for folder, name, node in changes:
            if node is None:
                folder.names.pop(name, None)
            else:
                folder.names[name] = node

    def play(self, line):
        """Does what a line of the trace says; its (call, path) where it did something on this disk."""
        found = _CALL.match(line)
        if found is None or int(found[3]) < 0:
            return None
        call, arguments, result = found[1], found[2], int(found[3])
        paths = self._paths(call, arguments)
        if call.startswith("open"):
            self.open[result] = paths[0]
            if "O_CREAT" not in arguments or self._find(paths[0]) is None:
                return None
            if self._node(paths[0]) is None:
                folder, name = self._find(paths[0])
                self._set(
                    (folder, name, Node("file", b"", int(re.search(r"0(\d{3})\b", arguments)[1], 8) & 0o755))
                )
            elif "O_TRUNC" in arguments:
                node = self._node(paths[0])
                node.now = (b"", node.now[1])
            return call, paths[0]
        if call in ("write", "fsync", "fchmod", "fdatasync"):
            path = self.open.get(int(arguments.split(",")[0]))
            node = self._node(path) if path else None
            if node is None:
                return None
            if call == "write":
                data = _text(_TEXT.search(arguments)[0])
                assert len(data) == result, "a record cut short"
                node.now = (node.now[0] + data, node.now[1])
            elif call == "fchmod":
                node.now = (node.now[0], int(arguments.split(",")[1], 8))
            elif node.kind == "folder":
                self.synced[id(node)] = len(self.steps)
            else:
                node.lasting = node.now
            return call, path
        if not paths or any(self._find(path) is None for path in paths):
            return None
        getattr(self, "_" + call.removesuffix("2").removesuffix("at"))(paths, arguments)
        return call, paths[-1]

    def _paths(self, call, arguments):
        """The absolute paths of a call."""
        texts = list(_TEXT.finditer(arguments))
        if call.startswith("symlink"):
            texts = texts[1:]
        paths = []
        for text in texts if call != "write" else ():
            path = os.fsdecode(_text(text[0]))
            before = arguments[: text.start()].rstrip(", ").split(", ")[-1]
            if not path.startswith("/") and before.isdigit():
                path = os.path.join(self.open[int(before)], path)
            if call not in ("setxattr", "getxattr"):
                paths.append(os.path.normpath(path))
        return paths

    def _rename(self, paths, arguments):
        (folder, name), (other, new) = map(self._find, paths)
        node, there = folder.names[name], other.names.get(new)
        self._set((folder, name, there if "EXCHANGE" in arguments else None), (other, new, node))
        self.open = {fd: path for fd, path in self.open.items() if path != paths[0]}

    def _unlink(self, paths, arguments):
        self._set((*self._find(paths[0]), None))

    _rmdir = _unlink

    def _mkdir(self, paths, arguments):
        self._set((*self._find(paths[0]), Node("folder", mode=int(arguments.split(", ")[-1], 8) & 0o755)))

    def _symlink(self, paths, arguments):
        target = _text(_TEXT.search(arguments)[0])
        self._set((*self._find(paths[0]), Node("link", target)))

    def _chmod(self, paths, arguments):
        node = self._node(paths[0])
        node.now = node.lasting = (node.now[0], int(arguments.split(", ")[-1], 8))

    def crash(self, chance):
        """Makes the real folders what the disk might hold now."""
        survives = chance.choice([0.0, 0.3, 0.7, 0.95])
        names = {}
        stopped = set()
        for number, step in enumerate(self.steps):
            folders = {id(folder) for folder, _, _ in step}
            must = any(self.synced.get(folder, 0) > number for folder in folders)
            if not must and (folders & stopped or chance.random() > survives):
                stopped |= folders
                continue
            for folder, name, node in step:
                here = names.setdefault(id(folder), dict(folder.started))
                if node is None:
                    here.pop(name, None)
                else:
                    here[name] = node
        for top, node in self.tops.items():
            shutil.rmtree(top, ignore_errors=True)
            _lay(Path(top), node, names, chance)


def _lay(path, node, names, chance):
    if node.kind == "link":
        os.symlink(node.lasting[0], path)
    elif node.kind == "file":
        path.write_bytes(_what_lasts(node, chance))
        path.chmod(node.lasting[1] if chance.random() < 0.5 else node.now[1])
    else:
        path.mkdir()
        for name, child in names.get(id(node), node.started).items():
            _lay(path / name, child, names, chance)
        path.chmod(node.now[1])


def _what_lasts(node, chance):
    lasting, now = node.lasting[0], node.now[0]
    if lasting == now:
        return now
    return chance.choice([lasting, now, now[: len(now) // 2], b"\0" * len(now)])


def _text(quoted):
    return bytes.fromhex(quoted.strip('".').replace("\\x", ""))
