"""The command line, as ``distributor`` and as ``python -m distributor``."""

import sys


def main() -> None:
    """Run it. It is imported here: that takes a moment, in which Ctrl-C may come as well."""
    try:
        from distributor.cli.main import main as command_line
    except KeyboardInterrupt:
        sys.stderr.write("distributor: interrupted\n")
        sys.exit(130)
    command_line()


if __name__ == "__main__":
    main()
