"""`batchwright`, the command."""

from batchwright_operator.cli.group import batchwright


def main() -> None:
    """Run the command line."""
    batchwright()


if __name__ == "__main__":
    main()
