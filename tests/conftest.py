"""Options and markers shared by all tests."""

import os

import pytest
from hypothesis import settings

# Every run tries the same programs and inputs; HYPOTHESIS_PROFILE=new looks for others, as does `python -m tests.fuzz`.
settings.register_profile("same", derandomize=True)
settings.register_profile("new")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_addoption(parser):
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files from what is produced now")


@pytest.fixture
def update_goldens(request):
    return request.config.getoption("--update-goldens")
