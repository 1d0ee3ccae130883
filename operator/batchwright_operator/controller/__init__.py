"""One run for one object: observe, decide, render, apply, tell."""
