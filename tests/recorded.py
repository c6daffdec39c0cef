"""Where the data lie that tests hold Callboard against: see tests/data/README.md."""

from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
