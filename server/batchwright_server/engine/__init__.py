"""OpenVINO, and the model repository it reads: the only room that knows either."""
