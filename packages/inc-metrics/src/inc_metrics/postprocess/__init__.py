"""From a model's raw outputs to what a metric takes."""
