"""Where the parts of an image of this project lie: for its builder and for the runtimes."""

SERVICE = "/opt/edge/service"
DEPENDENCIES = "/opt/edge/dependencies"
