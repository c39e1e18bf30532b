"""From one calibration to many quantized models: placement of Q/DQ pairs, int8 weights, emission."""
