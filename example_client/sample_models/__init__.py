"""Models and images for examples, tests and benchmarks, all made by code: nothing is downloaded."""
