"""Batchwright's inference server: OpenVINO models for clients whose batch sizes vary."""
