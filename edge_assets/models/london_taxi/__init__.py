"""London taxi fares: an edge model of its own, on the features of all taxi trips."""
