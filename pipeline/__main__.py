"""``python -m pipeline`` is the command ``digits``: both begin here, before anything that takes time is imported."""

import sys


def main() -> None:
    """Run the command line; what goes wrong before it is there is told in one line as well."""
    try:
        from pipeline.program import leave_on_signals  # noqa: PLC0415 - Ctrl-C is taken care of at once

        leave_on_signals()
        from pipeline.cli import main as run_command_line  # noqa: PLC0415 - and before this, which takes time

        run_command_line()
    except ModuleNotFoundError as error:
        from pipeline.program import explain_missing  # noqa: PLC0415 - for start-up time

        if "--debug" in sys.argv:
            raise
        sys.exit(f"error: {explain_missing(error)}")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)  # pipeline.program.INTERRUPTED, which may not be there yet


if __name__ == "__main__":
    main()
