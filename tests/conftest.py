"""Options of the test run."""

import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true", help="run tests that need weights or a key")
    parser.addoption(
        "--oracle",
        metavar="PYTHON",
        help="compare with NegMAS, run by this interpreter of an environment of its own",
    )


def pytest_configure() -> None:
    """Whoever starts the tests in the background of a shell makes them, and what they start, deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--live"):
        for item in items:
            if "live" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs --live"))
