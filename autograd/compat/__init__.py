"""Other libraries' spellings: `autograd.compat.torch` is laid out like PyTorch."""
