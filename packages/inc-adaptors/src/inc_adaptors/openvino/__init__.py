"""OpenVINO as another runtime for the ONNX models of ``inc_adaptors.onnxrt``: to run them, and to say whether it is the faster home."""
