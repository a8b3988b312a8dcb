"""A pytest plugin: in continuous integration nothing may be skipped; elsewhere a run says loudly at its end what it skipped."""

import os
from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = _skipped(terminalreporter)
    if skipped:
        verdict = "which CI does not allow" if _in_ci() else "nothing below was tested here"
        terminalreporter.section(f"{skipped.total()} SKIPPED: {verdict}", red=_in_ci(), yellow=not _in_ci(), bold=True)
        for reason, count in skipped.most_common():
            terminalreporter.line(f"{count:5}  {reason}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if _in_ci() and reporter is not None and _skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def _skipped(reporter: pytest.TerminalReporter) -> Counter[str]:
    """How many tests were skipped, a reason."""
    return Counter(
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr) for report in reporter.stats.get("skipped", [])
    )
