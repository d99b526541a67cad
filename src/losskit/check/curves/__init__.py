"""Loss curves, as logs hold them."""
