"""Commands as a person would type them."""

import re


def typed(*parts: str) -> str:
    """Return a command as a person would type it; a name with spaces is put in quotes."""
    return " ".join(part if re.fullmatch(r"[^\s\"'`]+", part) else _quoted(part) for part in parts)


def _quoted(part: str) -> str:
    quote = "'" if '"' in part else '"'
    return f"{quote}{part}{quote}"
