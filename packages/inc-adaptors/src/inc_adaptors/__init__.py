"""One set of roles over PyTorch and ONNX Runtime: calibrate once, emit many real int8 models."""
