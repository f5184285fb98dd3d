"""How often the dispatcher takes the loop that a person would: `choose.tsv`, each task with the loop expected.

    python benchmarks/choose.py [--misses]

`seen` tasks were looked at while the loops' phrases were written, `held` ones were not. The tasks were written first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from treadle.session.choose import choose_loop
from treadle.spec.load import folders_for, load_folders


def main() -> int:
    """Prints the table; 0."""
    catalog, _ = load_folders(folders_for(None)[:1])
    rows = [line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        print(f"{'tasks':<6} {'right':<9} {'sure':<9} sure and right   (loops: {', '.join(catalog.loops)})")
        for kind in ("seen", "held"):
            tasks = [(want, task) for which, want, task in rows if which == kind]
            began = time.perf_counter()
            chosen = [choose_loop(catalog, Path(folder), task) for _, task in tasks]
            took = (time.perf_counter() - began) / len(tasks) * 1000
            right = [choice.loop == want for choice, (want, _) in zip(chosen, tasks, strict=True)]
            sure = sum(choice.sure for choice in chosen)
            both = sum(choice.sure and good for choice, good in zip(chosen, right, strict=True))
            print(
                f"{kind:<6} {sum(right)} of {len(tasks)}  {sure} of {len(tasks)}  "
                f"{both} of {sure}   {took:.1f} ms a task"
            )
            if "--misses" in sys.argv:
                for choice, (want, task) in zip(chosen, tasks, strict=True):
                    if choice.loop != want:
                        print(f"  {want} wanted, {choice.loop} taken ({choice.told}): {task}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
