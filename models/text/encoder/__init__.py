"""The trained text model at run time: onnxruntime and tokenizers, no torch."""
