"""Pipeline([Prune, Distill, Quantize]).fit(model), and the inc command."""
