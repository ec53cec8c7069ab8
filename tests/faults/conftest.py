"""What the short forms of the fault matrix share: the campaigns' own library, and the booking service as a real process."""

import pytest

from bench.faults.server import Server
from bench.faults.site import write_site


@pytest.fixture(scope="session")
def site_file(tmp_path_factory):
    """The site file of the campaigns, without a gate."""
    return write_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def make_server(tmp_path, site_file, free_port):
    """`make_server(...)`: `seatgate booking` over a folder of this test, not started yet; killed at the end."""
    made = []

    def make(**changes):
        site = changes.pop("site", site_file)
        made.append(Server(tmp_path / f"server-{len(made)}", free_port(), site, **changes))
        return made[-1]

    yield make
    for server in made:
        server.close()
