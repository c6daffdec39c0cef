"""The reasons for which a test may be skipped, each with what to install.  Any other skip fails the run.

With CALLBOARD_NO_SKIPS=1, which CI sets, every skip is a failure.  A test that needs what a machine may lack says so by
`needs` (a mark) or `skip_without` (in a fixture).  The module is a pytest plugin, named in tests/conftest.py; where
tests run in several processes, each of them applies the rule to its own tests.
"""

import os
from collections.abc import Generator, Mapping
from typing import Final, TypeVar

import pytest

NO_SKIPS: Final = "CALLBOARD_NO_SKIPS"

BUILDAH: Final = "buildah is not installed"
CHROMIUM: Final = "chromium is not installed"
CONTROL_PLANE: Final = "no Kubernetes control plane is installed"
DOCKER_REGISTRY: Final = "docker-registry is not installed"
IMAGES_NOT_BUILT: Final = "the images are not built"
IMAGES_NOT_NAMED: Final = "IMAGES and TAG do not name the images"
LINUX: Final = "only Linux kills children when their parent is killed"
PODMAN: Final = "podman is not installed"
POSTGRESQL: Final = "PostgreSQL is not installed"

ALLOWED: Final[Mapping[str, str]] = {
    BUILDAH: "apt-get install buildah",
    CHROMIUM: "apt-get install chromium",
    CONTROL_PLANE: "put etcd, kube-apiserver and kube-controller-manager in a folder and name it in KUBEBUILDER_ASSETS",
    DOCKER_REGISTRY: "apt-get install docker-registry",
    IMAGES_NOT_BUILT: "make image",
    IMAGES_NOT_NAMED: "run these tests by `make test-images`",
    LINUX: "run the tests on Linux",
    PODMAN: "apt-get install podman runc",
    POSTGRESQL: "apt-get install postgresql",
}
"""What to do about each reason."""

Thing = TypeVar("Thing")
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def skip_without(thing: Thing | None, reason: str) -> Thing:
    """Return the thing; skip the test where there is none."""
    if not thing:
        pytest.skip(reason)
    return thing


def needs(thing: object, reason: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped where there is no such thing."""
    return pytest.mark.skipif(not thing, reason=reason)


def objection(reason: str, *, strict: bool) -> str | None:
    """Return why a skip is a failure; None where it is allowed.  `strict` allows none."""
    if reason not in ALLOWED:
        return f"skipped for a reason that tests/skips.py does not list: {reason}"
    return f"skipped although {NO_SKIPS} is set: {reason} ({ALLOWED[reason]})" if strict else None


def _judged(report: Report) -> Report:
    if (reason := _reason(report)) is not None:
        wrong = objection(reason, strict=os.environ.get(NO_SKIPS) == "1")
        if wrong is not None:
            report.outcome, report.longrepr = "failed", wrong
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return why a test or module was skipped; None where it was not.  An expected failure is no skip."""
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple | list):
        return None
    return str(report.longrepr[2]).removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: expected failures are marked by then
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that is not allowed into a failure."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure, too."""
    return _judged((yield))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what to do about the reasons of this run."""
    reasons = {_reason(report) for report in terminalreporter.getreports("skipped")}
    if reasons:
        terminalreporter.section("what was skipped, and what to install")
    for reason in sorted(ALLOWED.keys() & reasons):
        terminalreporter.write_line(f"{reason}: {ALLOWED[reason]}")
