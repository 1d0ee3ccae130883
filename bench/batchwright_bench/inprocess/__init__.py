"""A model measured in this process; the only OpenVINO of these rooms."""
