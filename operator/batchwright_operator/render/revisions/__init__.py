"""Renderers of the pod template, each frozen: pods made by one are never replaced by an upgrade."""
