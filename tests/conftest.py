"""Options and markers shared by all tests."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files from what is produced now")


@pytest.fixture
def update_goldens(request):
    return request.config.getoption("--update-goldens")
