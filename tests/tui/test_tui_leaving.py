"""Leaving while something is still being painted is no fault; a widget that is missing before that is one."""

import pytest
from textual.css.query import NoMatches
from tui_sitting import sit


async def test_a_widget_that_is_missing_is_a_fault_only_while_the_screen_stands(make_repo):
    async with sit(make_repo({"a.txt": "a\n"})) as sat:
        app = sat.app
        app.exit(0)
        with pytest.raises(NoMatches) as missing:
            app.query_one("#gone")
        app._handle_exception(missing.value)
        assert app.fault is None and app.return_value == 0
        app._handle_exception(ValueError("something else"))
        assert isinstance(app.fault, ValueError)
        app.fault = None
    async with sit(make_repo({"a.txt": "a\n"}, "other")) as sat:
        sat.app._handle_exception(missing.value)
        assert sat.app.fault is missing.value and sat.app.return_value == 70
        sat.app.fault = None
