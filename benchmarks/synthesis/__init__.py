"""Two-channel German support calls, spoken by espeak-ng over a telephone line.

From a call script (``tests/calls/NAME.yaml`` or :func:`benchmarks.synthesis.fresh.fresh_call`) to
samples with exact word times: :func:`benchmarks.synthesis.render.render`. On the command line:
``python -m benchmarks.synthesis --help``.
"""
