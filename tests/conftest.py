"""What holds for all tests."""

from hypothesis import settings

# A busy machine is no defect: how long an example takes is not judged, `timeout` ends what hangs.
settings.register_profile("batchwright", deadline=None)
settings.load_profile("batchwright")
