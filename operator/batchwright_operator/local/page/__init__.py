"""The live web page of `batchwright up`: what the controller knows, drawn, and nothing else loaded."""
