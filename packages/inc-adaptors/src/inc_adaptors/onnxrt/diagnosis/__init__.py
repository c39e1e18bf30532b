"""Look into an ONNX model that some tool has quantized: errors, times and risks, operator by operator."""
