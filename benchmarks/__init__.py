"""How fast Losskit is, beside PyTorch and others and beside the machine's own limit."""
