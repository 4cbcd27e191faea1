"""Where the parts of an image of this project lie, as the builder puts and the runtime finds them."""

SERVICE = "/opt/edge/service"
DEPENDENCIES = "/opt/edge/dependencies"
