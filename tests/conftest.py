"""What every test shares: golden files, and MailStacks made of a few words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.world import World

Golden = Callable[[Path, str], None]

# A property holds or not, however busy the machine is: hypothesis gives an example 200 ms.
settings.register_profile("mailstack", deadline=None)
settings.load_profile("mailstack")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-update", action="store_true", help="Write the golden files anew from what is rendered.")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(path, text)`: the text is the file's, to the letter."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--golden-update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: look at the text, then run `make golden`"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: look at the change, then run `make golden`"

    return check


@pytest.fixture
async def world() -> World:
    world = World()
    world.change()
    return world


@pytest.fixture
async def running(world: World) -> World:
    await world.settled()
    assert world.condition("Ready")["status"] == "True"
    return world
