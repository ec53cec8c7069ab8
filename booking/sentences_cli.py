"""What the console says of a settings file that cannot be used."""

from config import ConfigError


def sentences(error: ConfigError) -> str:
    """Return a settings file's problems, each on a line of its own."""
    return "\n".join([f"{error.origin} cannot be used:", *(f"  - {problem}" for problem in error.problems)])
