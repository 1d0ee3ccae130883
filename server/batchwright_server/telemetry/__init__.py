"""What the server tells about itself: metrics, signals, logs."""
