"""The console script: `--version` answers before anything else is imported."""

import sys


def main() -> int:
    """The exit code of the command line in `sys.argv`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from treadle import __version__

        sys.stdout.write(f"treadle {__version__}\n")
        return 0
    from treadle.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
