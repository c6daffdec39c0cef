"""What all tests share: the plugin that lists which operations of GitHub's API were exercised."""

pytest_plugins = ["tests.contract.control_plane", "tests.contract.openapi", "tests.registry"]
