"""The front door: every command of Second Look."""


def main() -> None:
    """Run the command line."""

