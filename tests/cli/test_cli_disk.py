"""A full disk is the machine's, not a fault of treadle's own: it is told as that, with what to do."""

import errno
import os

import pytest

from treadle.cli.faults import fault_of


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_the_place_to_make_room_in(number, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    fault = fault_of(OSError(number, os.strerror(number)), ["run"])
    assert fault.exit_code == 70
    assert "internal" not in fault.message and "nothing was changed" in fault.message
    assert str(tmp_path) in fault.hint
