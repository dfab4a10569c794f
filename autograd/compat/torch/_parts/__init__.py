"""What the registry and `nn` do not have: the small parts of the facade that are written by hand."""
