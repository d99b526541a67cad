"""How losses work: the kinds, cards, contracts, options and reduction, each once."""
