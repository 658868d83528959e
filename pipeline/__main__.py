"""``python -m pipeline`` is the command ``digits``: both begin here, before anything that takes time is imported."""

import sys

from pipeline.program import INTERRUPTED, explain_missing, leave_on_interrupt


def main() -> None:
    """Run the command line; what goes wrong before it is there is told in one line as well."""
    leave_on_interrupt()
    try:
        from pipeline.cli import main as run_command_line  # noqa: PLC0415 - Ctrl-C is taken care of first

        run_command_line()
    except ModuleNotFoundError as error:
        if "--debug" in sys.argv:
            raise
        sys.exit(f"error: {explain_missing(error)}")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
