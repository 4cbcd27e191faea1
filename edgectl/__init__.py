"""`edgectl`: the command line, and the supervisor behind `edgectl up`."""
