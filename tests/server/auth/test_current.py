"""What handlers are given of a request."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import get_args

import pytest

from spanwise_server.api.asked import AskedQuery
from spanwise_server.api.codes import CurrentScope
from spanwise_server.auth.csrf import CsrfToken
from spanwise_server.auth.current import CurrentActor, CurrentProject, CurrentServer


@pytest.mark.parametrize("given", [CurrentServer, CurrentActor, CurrentProject, CsrfToken, AskedQuery, CurrentScope])
def test_what_takes_no_time_is_found_without_another_thread(given):
    assert iscoroutinefunction(get_args(given)[1].dependency)
