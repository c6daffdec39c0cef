"""A test is skipped only for a reason that is listed, and in CI for none."""

import re

import pytest

from tests.paths import ROOT
from tests.skips import NO_SKIPS

TESTS = """
import pytest
from tests.skips import BUILDAH, CHROMIUM, needs, skip_without

def test_that_runs():
    assert skip_without("a browser", CHROMIUM) == "a browser"

@needs(True, BUILDAH)
def test_that_runs_too():
    pass

def test_in_a_fixture(browser):
    pass

@needs(None, BUILDAH)
def test_with_a_mark():
    pass

def test_for_another_reason():
    pytest.skip("not today")

@pytest.mark.xfail(strict=True)
def test_that_fails_as_expected():
    raise AssertionError

@pytest.fixture
def browser():
    return skip_without(None, CHROMIUM)
"""
WHOLE_MODULE = """
import pytest

pytest.importorskip("no_such_module")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a folder whose tests run with the plugin."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv(NO_SKIPS, raising=False)
    pytester.makeini("[pytest]\naddopts = -p tests.skips -p no:asyncio")
    return pytester


def test_a_reason_that_is_listed_skips_and_any_other_fails(run: pytest.Pytester) -> None:
    run.makepyfile(TESTS)
    result = run.runpytest_inprocess()
    result.assert_outcomes(passed=2, skipped=2, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*skipped for a reason that tests/skips.py does not list: not today",
            "*what was skipped, and what to install*",
            "buildah is not installed: apt-get install buildah",
            "chromium is not installed: apt-get install chromium",
        ]
    )


def test_in_ci_every_skip_is_a_failure_also_in_a_worker(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_SKIPS, "1")
    run.makepyfile(TESTS)
    result = run.runpytest_subprocess("-n", "1")
    result.assert_outcomes(passed=2, failed=1, errors=2, xfailed=1)  # a fixture or a mark that skips is an error
    result.stdout.fnmatch_lines(["*chromium is not installed (apt-get install chromium)"])


def test_a_module_that_skips_itself_fails_the_run(run: pytest.Pytester) -> None:
    run.makepyfile(WHOLE_MODULE)
    result = run.runpytest_inprocess()
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*does not list: could not import 'no_such_module'*"])


def test_no_test_skips_on_its_own() -> None:
    skips = re.compile(r"pytest\.(skip|importorskip|mark\.skip\w*)\b")
    files = [file for file in (ROOT / "tests").rglob("*.py") if file.name not in {"skips.py", "test_skips.py"}]
    assert [str(file) for file in files if skips.search(file.read_text())] == []
