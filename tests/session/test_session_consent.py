"""A resumed run goes by what the user's settings say now, where that is less than they said then."""

import asyncio

import pytest

from samples import CALC, DONE, MENDS, mending
from treadle.protocol import events as e
from treadle.session.session import Options, Session, resume
from treadle.spec.layers import user_folder
from treadle.spec.load import load_catalog

AWAY = "tiers:\n  large: {models: [{model: openai/x, endpoint: 'http://model.invalid:9/v1'}]}\n"


@pytest.fixture
def root(make_repo):
    root = make_repo({**CALC, **mending(MENDS, DONE, tier="large")})
    (root / ".treadle" / "tiers.yaml").unlink()
    say("tiers.yaml", AWAY)
    return root


def say(name: str, text: str) -> None:
    folder = user_folder().path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


async def stopped(root):
    """The folder of a run that was ended from outside as it began."""
    session = Session(root, load_catalog(root), Options(loop="go"))
    running = asyncio.create_task(session.run())
    await asyncio.sleep(0)
    session.stop()
    await running
    assert session.view.outcome == "aborted"
    return session.folder


@pytest.mark.parametrize("now", ["cloud: never\n", "cloud: all\noffline: true\n", "cloud: [\n", ""])
async def test_a_resumed_run_sends_nothing_that_the_settings_no_longer_allow(root, now):
    say("settings.yaml", "cloud: all\n")
    folder = await stopped(root)
    say("settings.yaml", now)
    again = resume(root, folder, Options())
    await again.run()
    events = [envelope.event async for envelope in again.events()]
    assert not [x for x in events if isinstance(x, e.ModelRequested)]
    assert [x for x in events if isinstance(x, e.RungUnavailable)]


async def test_settings_that_allow_more_now_do_not_widen_a_run_and_the_flag_does(root):
    say("settings.yaml", "offline: true\n")
    folder = await stopped(root)
    say("settings.yaml", "cloud: all\n")
    plain = resume(root, folder, Options())
    assert (plain.catalog.settings.cloud, plain.catalog.settings.offline) == ("never", True)
    running = asyncio.create_task(plain.run())
    await asyncio.sleep(0)
    plain.stop()
    await running
    flagged = resume(root, folder, Options(cloud="all"))
    assert (flagged.catalog.settings.cloud, flagged.catalog.settings.offline) == ("all", True)
    await flagged.run()
