"""The figures of the chaos (docs/reliability.md): what the tests themselves print.  `CHAOS=full` for all of it."""

import subprocess
import sys

TESTS = ("tests/chaos/test_crash_points.py", "tests/chaos/test_storm.py")


def run() -> int:
    """Run the chaos, show its figures, and return the tests' exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", *TESTS], capture_output=True, text=True, check=False
    )
    sys.stdout.writelines(f"{line}\n" for line in done.stdout.splitlines() if line.startswith("{"))
    return done.returncode
