"""How much chaos there is to be: a part of it, chosen by a seed that is printed, or all of it (`make chaos`)."""

import os
import secrets

FULL = os.environ.get("CHAOS") == "full"
SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
