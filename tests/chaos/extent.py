"""How much of the chaos runs: a part of it, chosen by a printed seed, or all of it (`make chaos`)."""

import json
import os
import secrets
import sys

FULL = os.environ.get("CHAOS") == "full"
SEED = int(os.environ.get("CHAOS_SEED") or (secrets.randbelow(1_000_000) if FULL else 1))


def figure(name: str, value: float, unit: str, limit: float) -> None:
    """Print one figure, as `make bench B=reliability` shows it; of what must not be at all, the limit is 0."""
    ratio = round(value / limit, 3) if limit else float(value > 0)
    line = {"name": name, "value": round(value, 2), "unit": unit, "limit": limit, "ratio": ratio, "seed": SEED}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
