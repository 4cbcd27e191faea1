"""The asset families of the chain, one module each; `build(chain)` makes them for an edge model."""
